/* expect.c: names of owners, and hazards against what is expected. See expect.h. */
#include "expect.h"

#include <stdio.h>
#include <string.h>

/* The block's name in its list; NULL when it comes from no list. */
static const char *slot_name(const struct smh_scenario *scenario, const struct smh_owner *owner)
{
    const struct smh_actor_config *actor = &scenario->actors[owner->actor];
    return owner->slot < actor->slot_count ? actor->slot_names[owner->slot] : NULL;
}

static bool is_of_an_actor(const struct smh_scenario *scenario, const struct smh_owner *owner)
{
    return (owner->kind == SMH_OWNER_BLOCK || owner->kind == SMH_OWNER_FREED ||
            owner->kind == SMH_OWNER_STACK) &&
           owner->actor < scenario->actor_count;
}

void smh_owner_name(const struct smh_scenario *scenario, const struct smh_owner *owner,
                    char text[SMH_OWNER_NAME_BYTES])
{
    if (!is_of_an_actor(scenario, owner)) {
        snprintf(text, SMH_OWNER_NAME_BYTES, "%s",
                 owner->kind == SMH_OWNER_METADATA ? "metadata" : "nobody");
        return;
    }
    const char *name = slot_name(scenario, owner);
    snprintf(text, SMH_OWNER_NAME_BYTES, "%s%s%s", scenario->actors[owner->actor].name,
             name != NULL ? "/" : "", name != NULL ? name : "");
}

bool smh_owner_is_called(const struct smh_scenario *scenario, const struct smh_owner *owner,
                         const char *name)
{
    if (!is_of_an_actor(scenario, owner)) {
        return owner->kind == SMH_OWNER_METADATA && strcmp(name, "metadata") == 0;
    }
    const char *actor = scenario->actors[owner->actor].name;
    const char *block = slot_name(scenario, owner);
    size_t length = strlen(actor);
    if (owner->kind == SMH_OWNER_STACK && strcmp(name, "stack") == 0) {
        return true;
    }
    if (strcmp(name, actor) == 0 || (block != NULL && strcmp(name, block) == 0)) {
        return true;
    }
    return block != NULL && strncmp(name, actor, length) == 0 && name[length] == '/' &&
           strcmp(name + length + 1, block) == 0;
}

/* The owners that a report names: one when victim and culprit have the same name. */
static size_t owners_of(const struct smh_hazard *hazard, const struct smh_owner *owners[2])
{
    size_t count = 0;
    if (hazard->victim.kind != SMH_OWNER_NOBODY) {
        owners[count++] = &hazard->victim;
    }
    if (hazard->culprit.kind != SMH_OWNER_NOBODY) {
        owners[count++] = &hazard->culprit;
    }
    return count;
}

bool smh_hazard_is_expected(const struct smh_scenario *scenario, const struct smh_hazard *hazard,
                            const struct smh_hazard_expect *expect)
{
    char class_name[8];
    snprintf(class_name, sizeof(class_name), "H%u", hazard->hazard_class);
    if (strcmp(class_name, expect->class_name) != 0) {
        return false;
    }
    const struct smh_owner *owners[2];
    size_t count = owners_of(hazard, owners);
    bool named[2] = {false, false};
    for (size_t i = 0; i < expect->owner_count; i++) {
        bool found = false;
        for (size_t j = 0; j < count; j++) {
            bool called = smh_owner_is_called(scenario, owners[j], expect->owners[i]);
            named[j] = named[j] || called;
            found = found || called;
        }
        if (!found) {
            return false;
        }
    }
    return expect->owner_count == 0 || ((count < 1 || named[0]) && (count < 2 || named[1]));
}

void smh_hazard_title(const struct smh_scenario *scenario, const struct smh_hazard *hazard,
                      char *text, size_t bytes)
{
    char names[2][SMH_OWNER_NAME_BYTES];
    const struct smh_owner *owners[2];
    size_t count = owners_of(hazard, owners);
    for (size_t i = 0; i < count; i++) {
        smh_owner_name(scenario, owners[i], names[i]);
    }
    if (count == 2 && strcmp(names[0], names[1]) == 0) {
        count = 1;
    }
    snprintf(text, bytes, "H%u of %s%s%s", hazard->hazard_class, count > 0 ? names[0] : "nobody",
             count > 1 ? " and " : "", count > 1 ? names[1] : "");
}
