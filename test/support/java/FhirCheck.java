// Validates FHIR R4 resources with the HAPI validator, against the base specification and the profiles that are handed
// to it. It reads two files of JSON, one resource a line: profiles and value sets, then what is to be checked. It
// prints one line for each finding of a resource: its number, severity, place and text, divided by tabs.

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

public class FhirCheck {
  public static void main(String[] args) throws Exception {
    FhirContext context = FhirContext.forR4();
    PrePopulatedValidationSupport profiles = new PrePopulatedValidationSupport(context);
    for (String line : Files.readAllLines(Path.of(args[0])))
      profiles.addResource(context.newJsonParser().parseResource(line));
    // DICOM and SNOMED are not part of the specification: their codes cannot be looked up, and are no error.
    UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(context);
    unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
    FhirInstanceValidator instances = new FhirInstanceValidator(new ValidationSupportChain(
        profiles,
        new DefaultProfileValidationSupport(context),
        new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context),
        new SnapshotGeneratingValidationSupport(context),
        unknown));
    // A profile that is claimed and not at hand would otherwise be passed over.
    instances.setErrorForUnknownProfiles(true);
    FhirValidator validator = context.newValidator().registerValidatorModule(instances);
    List<String> resources = Files.readAllLines(Path.of(args[1]));
    for (int i = 0; i < resources.size(); i++)
      for (SingleValidationMessage found : validator.validateWithResult(resources.get(i)).getMessages())
        System.out.println(String.join("\t", String.valueOf(i), found.getSeverity().name(),
            String.valueOf(found.getLocationString()), found.getMessage().replaceAll("\\s+", " ")));
  }
}
