/* stores.c - the store of a daemon that is not running: check, dump, load. */
#include "avowctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/change/check.h"
#include "avow/change/dump.h"

#define SIGNATURES "--signatures"

/* Whether a word behind the verb is this one. */
static bool has_option(const struct options *options, const char *option)
{
    for (unsigned i = 2; i < options->count; i++)
        if (strcmp(options->words[i], option) == 0)
            return true;
    return false;
}

/* The folder of the store: the argument, or as the configuration says. Owned by the caller. */
static char *store_folder(const struct options *options)
{
    struct config config;
    char *folder = NULL;

    for (unsigned i = 2; i < options->count; i++)
        if (strcmp(options->words[i], SIGNATURES) != 0)
            return strdup(options->words[i]);
    if (load_configuration(options, &config))
        return NULL;
    if (asprintf(&folder, "%s/store", config.server.state) < 0)
        folder = NULL;
    config_free(&config);
    return folder;
}

/* Open it for oneself. NULL-safe close by the caller. */
static enum result open_store(const struct options *options, enum store_access access,
                              struct store *store)
{
    char *folder = store_folder(options);
    struct store_options opening = {.folder = folder, .access = access, .make = change_make_store};

    *store = (struct store){.environment = NULL};
    if (!folder)
        return RESULT_SYSTEM;
    enum result result = store_open(store, &opening);
    if (result)
        (void)fprintf(stderr, "avowctl: %s\n", store->problem);
    free(folder);
    return result;
}

static void print_line(void *context, const char *line)
{
    (void)context;
    (void)fprintf(stderr, "%s\n", line);
}

static void print_check(const struct store_check *check)
{
    for (unsigned i = 0; i < STORE_TABLES; i++)
        (void)printf("%-8s %10llu records, %llu damaged\n", store_table_name((enum store_table)i),
                     (unsigned long long)check->records[i], (unsigned long long)check->damaged[i]);
    (void)printf("%llu octets; %llu records of no zone; %llu out of place; %llu zones in doubt\n",
                 (unsigned long long)check->octets, (unsigned long long)check->leftovers,
                 (unsigned long long)check->misplaced, (unsigned long long)check->doubtful);
    if (check->signatures)
        (void)printf("%llu RRsets with signatures, %llu with one that does not hold\n",
                     (unsigned long long)check->signatures,
                     (unsigned long long)check->bad_signatures);
}

static void print_check_json(const struct store_check *check)
{
    json_t *tables = json_object();

    for (unsigned i = 0; i < STORE_TABLES; i++)
        (void)json_object_set_new(tables, store_table_name((enum store_table)i),
                                  json_pack("{s:I, s:I}", "records", (json_int_t)check->records[i],
                                            "damaged", (json_int_t)check->damaged[i]));
    json_t *answer = json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "tables", tables, "octets",
        (json_int_t)check->octets, "leftovers", (json_int_t)check->leftovers, "misplaced",
        (json_int_t)check->misplaced, "doubtful", (json_int_t)check->doubtful, "signatures",
        (json_int_t)check->signatures, "signatures_bad", (json_int_t)check->bad_signatures);
    (void)json_dumpf(answer, stdout, JSON_INDENT(2));
    (void)putchar('\n');
    json_decref(answer);
}

int run_store_check(const struct options *options)
{
    struct store_check check = {.octets = 0};
    struct snapshot snapshot = {.store = NULL};
    struct store store;
    enum result result = open_store(options, STORE_OFFLINE, &store);

    if (!result)
        result = snapshot_open(&snapshot, &store, NULL, 0);
    if (!result && snapshot_renew(&snapshot) != RENEWAL_READY)
        result = RESULT_SYSTEM;
    if (!result) {
        result = has_option(options, SIGNATURES)
                     ? store_check_signatures(&snapshot, &check, print_line, NULL)
                     : store_check(&snapshot, &check, print_line, NULL);
        if (options->json)
            print_check_json(&check);
        else
            print_check(&check);
    }
    snapshot_close(&snapshot);
    store_close(&store);
    return result ? EXIT_FAILED : EXIT_DONE;
}

int run_store_dump(const struct options *options)
{
    char problem[STORE_PROBLEM_OCTETS] = "";
    struct snapshot snapshot = {.store = NULL};
    struct store store;
    enum result result = open_store(options, STORE_OFFLINE, &store);

    if (!result)
        result = snapshot_open(&snapshot, &store, NULL, 0);
    if (!result && snapshot_renew(&snapshot) != RENEWAL_READY)
        result = RESULT_SYSTEM;
    if (!result)
        result = dump_write(&snapshot, stdout, problem);
    if (!result && fflush(stdout))
        result = RESULT_SYSTEM;
    if (result && *problem)
        (void)fprintf(stderr, "avowctl: %s\n", problem);
    snapshot_close(&snapshot);
    store_close(&store);
    return result ? EXIT_FAILED : EXIT_DONE;
}

int run_store_load(const struct options *options)
{
    char problem[STORE_PROBLEM_OCTETS] = "";
    struct store store;
    enum result result = open_store(options, STORE_WRITER, &store);

    if (!result)
        result = dump_read(&store, stdin, problem);
    if (result && *problem)
        (void)fprintf(stderr, "avowctl: %s\n", problem);
    store_close(&store);
    return result ? EXIT_FAILED : EXIT_DONE;
}
