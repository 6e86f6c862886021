/* site.c: see site.h. */
#include "site.h"

#include "../workload/scenario_line.h"

#include <stdlib.h>
#include <string.h>

struct smh_sites {
    const struct smh_scenario *scenario;
    char *text; /* of the scenario; NULL: not to be had */
};

struct smh_sites *smh_sites_open(const struct smh_scenario *scenario)
{
    struct smh_sites *sites = smh_must_allocate(1, sizeof(*sites));
    sites->scenario = scenario;
    sites->text = smh_scenario_text(scenario);
    return sites;
}

void smh_sites_close(struct smh_sites *sites)
{
    free(sites->text);
    free(sites);
}

void smh_sites_find(const struct smh_sites *sites, uint16_t actor, uint64_t site,
                    struct smh_place *place)
{
    const struct smh_scenario *scenario = sites->scenario;
    bool known = actor < scenario->actor_count;
    *place =
        (struct smh_place){.file = scenario->path != NULL ? scenario->path : "scenario", .line = 1};
    if (known && scenario->actors[actor].trace != NULL) {
        place->file = scenario->actors[actor].trace;
        place->line = site > 0 ? (size_t)site : 1;
    } else if (sites->text != NULL && known) {
        const struct smh_json_step steps[] = {
            {.key = "workload"}, {.index = actor}, {.key = "ops"}, {.index = (size_t)site}};
        size_t count = scenario->actors[actor].operations != NULL ? 4 : 2;
        place->line = smh_json_line(sites->text, steps, count);
    }
}
