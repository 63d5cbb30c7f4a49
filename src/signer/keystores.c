/* keystores.c - the keystores of the configuration, and the modules that they share. */
#include "keystores.h"

#include <stdlib.h>
#include <string.h>

#include "avow/base/log.h"

/* The value that an earlier keystore wants for a variable; NULL: none does. */
static const char *wanted_before(const struct config *config, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++) {
        const struct config_keystore *keystore = &config->keystores[i];
        for (size_t j = 0; j < keystore->environment_count; j++) {
            if (strcmp(keystore->environment[j].name, name) == 0)
                return keystore->environment[j].value;
        }
    }
    return NULL;
}

/* What modules read from the environment is put there before there is any thread. */
static enum result set_environment(const struct config *config)
{
    for (size_t i = 0; i < config->keystore_count; i++) {
        const struct config_keystore *keystore = &config->keystores[i];
        for (size_t j = 0; j < keystore->environment_count; j++) {
            const struct config_variable *variable = &keystore->environment[j];
            const char *before = wanted_before(config, i, variable->name);
            if (before && strcmp(before, variable->value) != 0)
                log_warning("two keystores want different values of %s in the environment of one "
                            "process: that of %s counts",
                            variable->name, keystore->name);
            if (setenv(variable->name, variable->value, 1))
                return RESULT_SYSTEM;
        }
    }
    return RESULT_OK;
}

/* One for each path: a module that is initialised twice in a process refuses. */
static struct keystore_module *module_of(struct keystores *keystores, const char *path)
{
    for (size_t i = 0; i < keystores->module_count; i++) {
        if (keystores->modules[i].path && strcmp(keystores->modules[i].path, path) == 0)
            return &keystores->modules[i];
    }
    struct keystore_module *module = &keystores->modules[keystores->module_count];
    module->path = strdup(path);
    if (!module->path || pthread_mutex_init(&module->lock, NULL))
        return NULL;
    keystores->module_count++;
    return module;
}

static enum result add_keystore(struct keystores *keystores, const struct config_keystore *config,
                                unsigned most_sessions)
{
    struct keystore *keystore = &keystores->list[keystores->count];
    struct keystore_module *module = module_of(keystores, config->module);

    enum result result =
        module ? keystore_init(keystore, config, module, most_sessions) : RESULT_SYSTEM;
    if (result == RESULT_SYSTEM)
        return result;
    keystores->count++;
    if (result)
        log_error("keystore %s: %s", keystore->name, keystore->text);
    return RESULT_OK;
}

enum result keystores_init(struct keystores *keystores, const struct config *config,
                           unsigned most_sessions)
{
    size_t count = config->keystore_count;

    *keystores = (struct keystores){.modules = calloc(count + 1, sizeof *keystores->modules),
                                    .list = calloc(count + 1, sizeof *keystores->list)};
    if (!keystores->modules || !keystores->list || set_environment(config))
        return RESULT_SYSTEM;
    unsigned most = count < most_sessions ? most_sessions / (unsigned)(count ? count : 1) : 1;
    for (size_t i = 0; i < count; i++) {
        if (add_keystore(keystores, &config->keystores[i], most))
            return RESULT_SYSTEM;
    }
    config_wipe_secrets((struct config *)config); /* the room's own copy; the keystores have them */
    return RESULT_OK;
}

struct keystore *keystores_find(struct keystores *keystores, const char *name)
{
    for (size_t i = 0; i < keystores->count; i++) {
        if (strcmp(keystores->list[i].name, name) == 0)
            return &keystores->list[i];
    }
    return NULL;
}
