/*
 * avowctl.h - what the files of avowctl share.
 */
#ifndef AVOWCTL_H
#define AVOWCTL_H

#include <stdbool.h>

#include <jansson.h>

#include "avow/config/config.h"

/* Exit codes: avowctl(8). */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_DAEMON = 3,
    EXIT_NO_OBJECT = 4,
    EXIT_FORBIDDEN = 5,
    EXIT_WOULD_CHANGE = 6,
    EXIT_HELD = 7
};

#define DEFAULT_CONFIGURATION "/etc/avow/avow.yaml"

struct options {
    const char *configuration; /* -c */
    const char *socket;        /* -s; NULL: as the configuration says */
    bool json;
    char *const *words; /* the verb and what follows, NULL-terminated */
    unsigned count;
};

/* A verb: its words, and who carries it out. */
struct verb {
    const char *first, *second; /* second: NULL when it has one word */
    unsigned least, most;       /* words behind it */
    const char *arguments;      /* for the usage */
    const char *help;
    int (*run)(const struct options *options);       /* here */
    void (*render)(const json_t *answer, FILE *out); /* or by the daemon: its answer as text */
};

extern const struct verb verbs[];
extern const size_t verb_count;

/* ---- call.c: asking the daemon ----------------------------------------------------------------
 */
int call_daemon(const struct options *options, const struct verb *verb);

/* Load the configuration that options name; complaints go to standard error. */
MUST_CHECK enum result load_configuration(const struct options *options, struct config *config);

/* Print complaints as they come, to standard error. */
void print_complaint(void *context, const struct complaint *complaint);

/* ---- offline.c --------------------------------------------------------------------------------
 */
int run_zone_check(const struct options *options);
int run_config_check(const struct options *options);
int run_config_schema(const struct options *options);
int run_tsig_generate(const struct options *options);
int run_cookie_generate(const struct options *options);

/* ---- completion.c -----------------------------------------------------------------------------
 */
int run_completion(const struct options *options);

/* ---- stores.c ---------------------------------------------------------------------------------
 */
int run_store_check(const struct options *options);
int run_store_dump(const struct options *options);
int run_store_load(const struct options *options);

/* ---- render.c ---------------------------------------------------------------------------------
 */
void render_status(const json_t *answer, FILE *out);
void render_zone_list(const json_t *answer, FILE *out);
void render_zone_status(const json_t *answer, FILE *out);
void render_keys(const json_t *answer, FILE *out);
void render_records(const json_t *answer, FILE *out);
void render_scrub(const json_t *answer, FILE *out);
void render_nothing(const json_t *answer, FILE *out);

#endif
