/* scenario_json.c: any bytes as a scenario.
 *
 * Owns: what must hold: it loads or says why not; what loads has a workload that keeps the rules of
 * operation.h. It is not replayed: a scenario may ask for hours and gigabytes.
 */
#include "../../sim/workload/scenario.h"
#include "../input/text.h"
#include "../stage.h"

const char fuzz_target[] = "scenario_json";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct smh_error error = {{0}};
    struct smh_scenario *scenario = smh_scenario_load(fuzz_file_of(bytes, size), true, &error);
    fuzz_operations++;
    if (scenario == NULL) {
        fuzz_judge_error(&error);
        return 0;
    }
    for (uint32_t attr = 0; attr < 9; attr++) {
        FUZZ_REQUIRE(smh_scenario_attr_name(scenario, attr) != NULL, "attribute without a name");
    }
    struct smh_source *source = smh_workload_open(scenario, scenario->seed, &error);
    if (source == NULL) {
        fuzz_judge_error(&error);
    } else {
        fuzz_judge_source(source, 2000);
    }
    smh_scenario_free(scenario);
    return 0;
}
