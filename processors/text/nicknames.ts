/**
 * Common English nicknames, from general knowledge: each line is a group of forms of one given name.
 * Whoever is called one of them in a record may be called another in a note. Never from a sample.
 */

const GROUPS = `
abigail abby gail
albert al bert bertie
alexander alex al sandy lex sasha xander
alexandra alexandria alex sandra sandy lexi sasha
alfred al fred alfie freddie
alice ali allie
amanda mandy
andrew andy drew
angela angie
ann anna anne annie nan nancy
anthony tony
antonio tony toni
arthur art artie
barbara barb barbie babs
benjamin ben benny benji
bernard bernie
beverly bev
bradley brad
calvin cal
cameron cam
carolyn caroline carol carrie
catherine katherine kathryn cathy kathy kate katie kat kitty kay cat
charles charlie chuck chas chip
charlotte lottie charlie
chester chet
christina christine kristin kristen chris chrissy tina kris
christopher chris kit topher
clifford cliff
cynthia cindy
daniel dan danny
danielle dani
david dave davey
deborah debra deb debbie
dennis denny
dolores lola
dominic dom nick
donald don donnie
dorothy dot dottie dolly
douglas doug
edward ed eddie ned ted teddy
edwin ed eddie
eleanor ellie nell nellie nora
elizabeth eliza liz lizzie beth betty betsy bess libby lisa
emily em emmy
emma em
ernest ernie
eugene gene
evelyn evie
florence flo
frances fran frannie francie
francis frank fran
franklin frank
frederick fred freddie rick
gabriel gabe
gabrielle gabby
gerald geraldine gerry jerry
gilbert gil bert
gregory greg
gwendolyn gwen
harold hal harry
harriet hattie
helen nell nellie
henry hank harry hal
herbert herb bert
howard howie
irene renie
isabella isabelle isabel bella izzy belle
jacob jake
jacqueline jackie
james jim jimmy jamie
jane janie jenny
janet jan
jeffrey geoffrey jeff geoff
jennifer jen jenny jenn
jessica jess jessie
joan joanie
joanne joanna jo
john jack johnny jon
jonathan jon jonny
jose pepe
joseph joe joey jo
josephine jo josie
joshua josh
judith judy
julia julie jules
kenneth ken kenny
kimberly kim
lawrence laurence larry laurie
leonard leo len lenny
leroy lee roy
lillian lily lil
linda lindy
louis lewis lou louie
louise lou
lucille lucy
margaret maggie meg peg peggy marge margie madge greta rita daisy
maria mary mia
martha marty patty
martin marty
mary molly polly mae mamie
matthew matt matty
megan meg
melissa missy mel lissa
melvin mel
michael mike mikey mick mickey
michelle shelly
mildred millie
miriam mimi
mohammed muhammad mohamed mo
nancy nan
natalie nat
nathan nathaniel nate nat
nicholas nick nicky
nicole nikki
norman norm
olivia liv livvy
oliver ollie
pamela pam
patricia pat patty tricia trish
patrick pat paddy
peter pete
philip phillip phil
priscilla cilla
rachel rae
raymond ray
rebecca becky becca
reginald reggie reg
richard rick dick rich richie ricky
robert bob bobby rob robbie bert
roberta bobbie
rodney rod
roger rog
ronald ron ronnie
rosemary rose rosie
russell russ rusty
samantha sam sammy
samuel sam sammy
sandra sandy
sarah sally sadie
sharon shari
sheldon shelly
stanley stan
stephanie steph
stephen steven steve stevie
stuart stewart stu
susan suzanne susanna sue susie suzy
sylvia syl
teresa theresa terry tess tessa tracy
terrence terence terry
theodore ted teddy theo
thomas tom tommy
timothy tim timmy
tobias toby
valerie val
vernon vern
veronica ronnie vera
victor vic
victoria vicky vicki tori
vincent vince vinnie
virginia ginny ginger
vivian viv
wallace wally
walter walt wally
wesley wes
wilfred will fred
william bill billy will willie liam
winifred winnie
yvonne vonnie
zachary zach zack
guadalupe lupe
francisco paco pancho
ignacio nacho
manuel manny
rafael rafa
eduardo lalo
enrique quique
`;

const formsOf = new Map<string, Set<string>>();
for (const line of GROUPS.trim().split('\n')) {
  const forms = line.split(' ');
  for (const form of forms) {
    const known = formsOf.get(form) ?? new Set<string>();
    for (const other of forms) if (other !== form) known.add(other);
    formsOf.set(form, known);
  }
}

/** Other forms of a given name, folded; none where it has no usual ones. */
export function nicknamesOf(folded: string): ReadonlySet<string> {
  return formsOf.get(folded) ?? new Set();
}
