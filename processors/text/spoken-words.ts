/**
 * Words that tell a name from another word: titles, degrees, words of kinship, forms and letters; and words with a
 * capital that are no names: countries, languages, eponyms and the building blocks of medical terms.
 * From general knowledge and public standards (WHO stems of international nonproprietary names); never from a sample.
 */

function set(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/));
}

/** Before a name. */
export const TITLES = set(`
  dr doctor mr mister mrs ms mx miss madam prof professor rev reverend fr father sr sister br brother rabbi imam pastor
  nurse judge hon officer detective capt captain lt sgt sergeant cpl colonel cmdr
  dame lord lady aunt auntie uncle grandma grandpa grandmother grandfather nana herr frau monsieur madame mme mlle
  senor senora sra señor señora don dona cousin midwife surgeon president governor mayor senator sir`);
/** Of these only with a capital or a dot: they are ordinary words else. */
export const CAPITAL_TITLES = set(`
  don father brother sister nurse judge officer surgeon president miss lady lord sir madam doctor fr
  hon imam captain cousin midwife br dona governor mayor senator professor pastor nana grandma grandpa aunt uncle
  grandmother grandfather detective`);
/** After a name. */
export const DEGREES = set(`
  md do rn np pa phd dds dmd pharmd lpn cna msw lcsw dpm dpt dnp fnp crna facs facp mbbs frcs frcp bsn msn aprn psyd edd
  jd esq rph cnm pac arnp lvn otr slp rd lmft lpc jr iii`);
/** Between two parts of a name, in lower case. */
export const PARTICLES = set(
  `van von der den de del della di da dos das du la le el al bin binti ibn ter ten zu af av y e st san ben bar mc mac`,
);

/** Before a name, after which no verb comes: relations, forms, letters, signatures. */
export const RELATIONS =
  'daughter|son|wife|husband|mother|father|sister|brother|mom|mum|dad|spouse|partner|girlfriend|boyfriend|fianc[eé]e?|friend|neighbou?r|niece|nephew|cousin|aunt|uncle|grandmother|grandfather|grandson|granddaughter|grandma|grandpa|stepson|stepdaughter|stepmother|stepfather|roommate|caregiver|guardian|caretaker|baby|twin|ex-wife|ex-husband|kid|child|boss|coworker|colleague|coach|teacher|assistant';
export const FORM_LABELS =
  "patient|patient name|pt|pt name|name|full name|first name|last name|given name|family name|surname|middle name|maiden name|mother['’]?s maiden name|nickname|alias|aka|a\\.k\\.a\\.|also known as|provider|attending|attending physician|primary care provider|primary care physician|pcp|physician|surgeon|assistant|anesthesiologist|resident|fellow|intern|nurse|rn|np|pa|referring(?: physician| provider)?|consultant|consulting physician|author|signed|signed by|electronically signed|electronically signed by|e-signed by|dictated by|dictator|transcribed by|transcriptionist|reviewed by|verified by|performed by|ordered by|interpreted by|read by|reported by|approved by|prepared by|attested by|cosigned by|co-signed by|entered by|seen by|examined by|admitted by|discharged by|referred by|accompanied by|cc|attn|attention|contact|emergency contact|next of kin|nok|guarantor|insured|subscriber|policy holder|policyholder|guardian|parent|mother|father|spouse|wife|husband|son|daughter|witness|interpreter|caregiver|informant|historian|employer|from|to|re|regards|sincerely|respectfully|directed by|starring|written by|billing address|shipping address|account holder|beneficiary|cardholder|customer|client|user|caller|agent";
/** Straight before a name, and before nothing else: also in a text without capitals. */
export const NAME_CUES =
  'my name is|names? (?:is|was|are)|named|known as|nicknamed|goes by|call me|calls? (?:me|him|her|them)|calling (?:me|him|her)|(?:maiden|last|first|middle) name(?: is| was)?|surname(?: is| was)?';
/** In a sentence, straight before a name. */
export const CUES =
  "i am|i['’]m|we are|this is|it['’]s under|under the name(?: of)?|dear|hi|hello|hey|thanks|thank you|regards|sincerely|best|cheers|spoke (?:with|to)|speak (?:with|to)|speaking (?:with|to)|discussed with|seen by|examined by|evaluated by|followed by|treated by|managed by|performed by|signed by|dictated by|reviewed by|referred by|referred to|accompanied by|brought in by|cared for by|assisted by|supervised by|consulted|married to|divorced from|widow of|widower of|lives with|living with|followed up with|follow up with|contacted|emailed|phoned|paged|notified|signed|ask for|contact";
/** The same, where anything else may come as well. */
export const WEAK_CUES = 'called|per|by|told|asked|says|said|patient|pt|with|from|for|to|and|featuring';

/** Adjectives of nations, peoples, languages, creeds, and countries and States by their single words: they may stay. */
export const MAY_STAY = set(`
  africa african alabama alaska albania albanian algeria algerian america american americans angola arab arabia arabian arabic argentina
  argentine argentinian arizona arkansas armenia armenian asia asian asians australia australian austria austrian azerbaijan bahamas
  bangladesh bangladeshi barbados belarus belgian belgium bolivia bolivian bosnia bosnian brazil brazilian britain british bulgaria
  bulgarian burma burmese california cambodia cambodian cameroon canada canadian cantonese caribbean catholic caucasian caucasians chile
  chilean china chinese christian colombia colombian colorado connecticut costa croatia croatian cuba cuban cyprus czech dakota danish
  delaware denmark dominican dutch ecuador egypt egyptian england english eritrea estonia estonian ethiopia ethiopian europe european
  filipino finland finnish flemish florida france french georgia georgian german germany ghana greece greek guam guatemala guatemalan
  guyana haiti haitian hawaii hawaiian hebrew hindi hindu hispanic hispanics hmong holland honduran honduras hungarian hungary iceland
  icelandic idaho illinois india indian indiana indians indonesia indonesian iowa iran iranian iraq iraqi ireland irish islam islamic
  israel israeli italian italy jamaica jamaican japan japanese jewish jordan jordanian kansas kazakhstan kentucky kenya kenyan korea
  korean kurdish kuwait laos laotian latin latina latino latinx latvia latvian lebanese lebanon liberia libya libyan lithuania
  lithuanian louisiana luxembourg macedonia maine malaysia malaysian malta mandarin maryland massachusetts mexican mexicans mexico
  michigan minnesota mississippi missouri moldova mongolia montana moroccan morocco mozambique muslim nebraska nepal nepali netherlands
  nevada nicaragua nigeria nigerian norway norwegian ohio oklahoma oman oregon pacific pakistan pakistani palestinian panama paraguay
  pennsylvania persian peru peruvian philippine philippines poland polish portugal portuguese protestant puerto qatar rican rico romania
  romanian russia russian rwanda salvador salvadoran samoa samoan saudi scotland scottish senegal serbia serbian singapore slovak
  slovakia slovenia slovenian somali somalia spain spaniard spanish sudan sudanese swahili sweden swedish swiss switzerland syria syrian
  tagalog taiwan taiwanese tanzania tennessee texas thai thailand trinidad tunisia turkey turkish uganda ukraine ukrainian uk uruguay us
  usa utah uzbekistan venezuela venezuelan vermont vietnam vietnamese virginia wales welsh wisconsin wyoming yemen yiddish zambia
  zimbabwe united states kingdom republic`);

/** After whom diseases, signs, scores, devices and bacteria are named: no person where one of EPONYM_NOUNS follows. */
export const EPONYMS = set(`
  addison addisonian alzheimer alzheimers apgar asperger babinski baker barrett bartholin bartonella basedow bechterew behcet bell
  bishop blumberg bowman braden bright broca brudzinski budd burkitt chagas charcot chiari chvostek colles coombs cooper crohn crohns
  cushing cushingoid down dupuytren duchenne ebola ehlers danlos eisenmenger epstein barr ewing fallot fanconi foley fontan fowler
  gaucher gleason glasgow goodpasture gram graves guillain barre hansen hashimoto heberden heimlich henoch schonlein hickman
  hirschsprung hodgkin hodgkins homan homans horner huntington jackson kaposi karnofsky kawasaki kegel kernig kleinfelter klinefelter
  korsakoff kussmaul lachman lou gehrig lyme mallory weiss marfan mcburney mcmurray meckel meniere mobitz moro morton munchausen
  murphy norton osgood schlatter paget pap papanicolaou parkinson parkinsons penrose peyronie phalen pick port-a-cath pott prader willi
  prinzmetal purkinje ranson raynaud reye rinne rhesus romberg rorschach schwann sever sjogren sjogrens snellen spurling stevens
  johnson still sturge tanner tay sachs tinel tourette trendelenburg trousseau turner valsalva virchow weber wegener wernicke whipple
  wilms wilson wolff wong wood zenker zollinger ellison tetralogy billroth whitmore bence jones bouchard osler janeway ludwig holter`);

/** Other capitals of medicine: programmes, insurers, organisms, trade names. */
export const MEDICAL_NAMES = set(`
  medicare medicaid tricare humana aetna cigna unitedhealthcare snomed loinc icd hipaa covid sars hiv aids cdc fda who nyha
  escherichia staphylococcus streptococcus clostridium clostridioides klebsiella pseudomonas candida enterococcus salmonella shigella helicobacter
  mycobacterium haemophilus neisseria chlamydia treponema borrelia listeria legionella proteus serratia campylobacter
  entitic dander atopic atopy troponin creatinine bilirubin ferritin prothrombin esterase nitrite ketones phenx promis nsaid nsaids
  anesthesia anemia leukemia edema pediatric pediatrics gynecologic orthopedic hemoglobin hematocrit
  tylenol advil motrin aleve aspirin humulin novolog novolin lantus levemir humalog glucophage lipitor crestor zocor plavix
  coumadin lasix prilosec nexium protonix pepcid zantac zofran reglan ativan xanax valium klonopin zoloft prozac paxil celexa lexapro
  wellbutrin effexor cymbalta seroquel zyprexa risperdal abilify neurontin lyrica topamax keppra dilantin depakote tegretol lamictal
  ambien synthroid levothroid prednisone medrol solumedrol decadron augmentin amoxil bactrim septra cipro levaquin zithromax keflex
  rocephin vancocin zosyn flagyl diflucan norvasc cardizem lopressor toprol tenormin coreg diovan cozaar benicar altace vasotec
  zestril prinivil hydrodiuril aldactone digoxin lanoxin eliquis xarelto pradaxa lovenox heparin percocet vicodin norco oxycontin
  dilaudid demerol toradol flexeril ultram singulair advair flovent ventolin proventil spiriva symbicort claritin zyrtec benadryl
  colace senokot miralax dulcolax botox viagra cialis fosamax boniva insulin tums imodium mucinex robitussin sudafed nyquil
  pfizer moderna janssen epogen neulasta herceptin taxol avastin rituxan remicade humira enbrel
  iga igd ige igg igm ab ag bld vol ser plas ur csf rbc wbc hgb hct plt mch mcv mchc rdw bun alt ast ldl hdl tsh psa inr ptt
  mg mcg ml dl kg lb lbs oz cm mm hr hrs min mins sec unt units tab tabs cap caps soln inj susp prn bid tid qid qhs ibu isophane injectable
  doc docs ed er icu or pacu nicu picu opd ekg ecg eeg mri emg ent obgyn gi gu ob gyn`);

/** Endings of medical terms (Greek and Latin) and of substances (WHO INN stems). */
export const MEDICAL_ENDING =
  /(?:itis|itides|osis|oses|otic|emia|aemia|emic|oma|omas|omata|opathy|pathies|pathic|ectomy|ostomy|otomy|oscopy|scopic|plasty|pexy|graphy|gram|grams|graphic|algia|uria|penia|penic|cyte|cytes|cytic|cytosis|phagia|phasia|plegia|plegic|paresis|trophy|trophic|tropic|rrhea|rrhoea|rrhage|rrhagic|rrhythmia|lysis|lytic|stasis|static|sclerosis|stenosis|megaly|cele|centesis|desis|genic|genesis|kinesia|pnea|pnoea|philia|philic|phobia|ptosis|sthenia|toxic|toxicity|oid|oidosis|ology|ologist|ologic|iatric|iatry|metry|metric|meter|scope|tome|dipine|olol|alol|pril|prilat|sartan|statin|vastatin|mab|umab|zumab|ximab|tinib|anib|ciclib|parib|zomib|cillin|cycline|mycin|toin|oxen|limus|poetin|estrel|pyridine|dronic|prost|vaptan|grastim|kinra|cept|fungin|penem|zosin|lazine|pramine|micin|floxacin|oxacin|azole|conazole|prazole|tidine|setron|triptan|gliptin|gliflozin|glutide|glitazone|formin|gliclazide|ipride|azepam|zolam|zepam|barbital|caine|curonium|dronate|fibrate|lukast|nidazole|vir|vudine|ciclovir|platin|rubicin|taxel|bicin|stigmine|terol|tropium|sone|solone|onide|thiazide|semide|triptyline|oxetine|apine|peridol|idone|codone|morphone|orphan|profen|fenac|coxib|oxicam|salicylate|parin|xaban|gatran|ase|amine|amide|azine|idine|olone|ethacin|phylline|phen|ine hydrochloride|chloride|sulfate|sodium|phosphate|nitrate|acetate|aspartate|glutamate|tartrate|maleate|mesylate|fumarate|succinate|citrate|ular|opic|itic|aemic|iform|escent|tension|lateral|partum|medicine|therapy|surgical|cranial|thoracic|pelvic|spinal|venous|arterial|porium|myces|bacter|bacterium|coccus|virus|viral|plasma|blast|blastic|dermal|derma|morphic|tropin|globulin|albumin|kinase|ferase|zyme|peptide|sterol|glyceride|saccharide|lipid|aemias)$/u;
/** Beginnings of medical terms; what comes after them in a group. */
export const MEDICAL_BEGINNING =
  /^(?:hyper|hypo|cardio|gastro|entero|hepato|nephro|neuro|osteo|arthro|pneumo|pulmo|thrombo|hemato|haemato|erythro|leuko|lympho|immuno|chemo|radio|electro|echo|ultra|endo|laparo|broncho|cysto|colono|dermato|ophthalmo|oto|rhino|laryngo|pharyngo|tracheo|thoraco|abdomino|cranio|encephalo|cerebro|myelo|psycho|tetra|micro|macro|trans|retro|supra|infra|inter|intra|peri|pre|post|anti|non)(\p{L}{4,})$/u;
/** After one of these a capital before it is the name of a disease, a sign or a thing. */
export const EPONYM_NOUNS = set(`
  disease diseases syndrome sign signs test tests score scale scan criteria classification stage staging lymphoma sarcoma tumor palsy
  procedure operation maneuver manoeuvre position fracture catheter smear stain contracture phenomenon thyroiditis esophagus
  cyst node nodes nodule reflex reaction virus fever encephalopathy dementia chorea ataxia anemia hernia diverticulum ulcer
  angina breathing respirations type class block line lines bodies body index formula equation method drain tube forceps retractor
  clamp needle incision ring rings law point triangle canal gland glands duct tract loop cells cell corpuscle capsule fascia ligament
  nerve nucleus cortex area angle view lotion solution lactate vaccine bacillus monitor protocol regimen questionnaire inventory
  hospital insurance health oral tablet tablets injection capsule cream ointment suspension inhaler mg mcg ml unit units blood pressure`);

/** Given names that are ordinary words too: at the start of a sentence a verb for people after them decides. */
export const GIVEN_WORDS = set(`
  amber angel april art ash august aurora autumn bella berry bill bob brad brandy brook bud carol chance charity chase chip christian
  clay cliff crystal daisy dale dawn dean dick dolly drew duke earl eve faith fern flora forest frank gale gene ginger glen grace grant
  guy harmony harry hazel heath heather holly homer hope hunter iris ivy jack jade jasmine jay jean jenny jerry jewel jimmy john joy june
  king kitty lance laurel lily marina mark mason max may melody mercy mike miles molly nelly nick norm olive opal pat patience peg penny
  peter piper polly poppy precious prince pearl queen rain randy ray reed rex rich rob robin rod roger rose rosemary ruby rusty sage
  sally sandy savannah scarlet serenity sierra skip sky sonny stan star stella stone storm summer sunny sue ted terry tiffany timothy
  tom tony trinity victor victoria violet virginia wade wally warren will willow woody`);
/** What people do, after a name at the start of a sentence. */
export const PERSON_VERBS = set(`
  is was has had says said tells told asks asked reports reported denies denied states stated lives lived works worked called calls
  went goes came comes got gets wants wanted needs needed thinks thought feels felt shouted spent began helped brought took takes gave
  visited moved retired lost complains complained presents presented agrees agreed refused understands wishes plans spoke signed will
  does did would could can smokes drinks drank noted describes endorses and`);
/** Ends of contractions: `I'm`, `you're`, `didn't`. */
export const CONTRACTION = /^\p{L}{1,8}['’`](?:m|re|ve|ll|d|t|s|am|em|all|cause)$/iu;
