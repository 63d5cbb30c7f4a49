/*
 * run.c - questions and the answers that are expected, as text, through the floor in process.
 *
 * Usage: run FILE.qa ...; with -p what is answered is printed instead of compared. A file has
 *
 *     zone APEX FILE [unsigned]        a zone to load, once for each way to deny; or never signed
 *     q NAME TYPE [OPTION...]          a question: class=CH, tcp, edns, payload=N, now; whole,
 *     LINE ...                         do, nsec, nsec3, opt-out, unsigned; then the answer
 *     (an empty line)
 *
 * A question without `do` is asked of the zones unsigned, signed with NSEC, with NSEC3 and with
 * opt-out, each time also with DO set: then the answer must be the same but for what DNSSEC adds,
 * and that is judged by a validator of the tests' own. A question with `do` or `whole` is asked
 * once in each world that it names, and its answer compared whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/answer/cache.h"
#include "response.h"

enum { MAP_OCTETS = 64 << 20, LINE_OCTETS = 4096, ANSWER_OCTETS = 65535, CACHE_OCTETS = 1 << 20 };

struct item {
    struct world_question ask;
    bool only[WORLD_DENIALS]; /* none set: all */
    bool whole;               /* `do` or `whole` was given */
    bool now;
    unsigned line;
    char title[LINE_OCTETS];
    struct buffer expected;
};

struct run {
    const char *path;
    bool print;
    unsigned line, asked, failed;
    FILE *file;
    struct world worlds[WORLD_DENIALS];
    struct answerer answerers[WORLD_DENIALS];
    bool ready;
    struct outcome outcome;
    struct response response;
    uint8_t answer[ANSWER_OCTETS];
};

static const char *const denials[] = {"unsigned", "nsec", "nsec3", "opt-out"};

static void die(const struct run *run, const char *what)
{
    fprintf(stderr, "%s:%u: %s\n", run->path, run->line, what);
    exit(2);
}

/* ---- reading -------------------------------------------------------------------------------- */

static char *read_line(struct run *run, char line[LINE_OCTETS])
{
    if (!fgets(line, LINE_OCTETS, run->file))
        return NULL;
    run->line++;
    line[strcspn(line, "\n")] = 0;
    return line;
}

static void load_zone(struct run *run, char *words)
{
    const char *apex = strtok(words, " "), *file = strtok(NULL, " "), *how = strtok(NULL, " ");
    const char *slash = strrchr(run->path, '/');
    char path[LINE_OCTETS];

    if (!apex || !file || run->ready)
        die(run, "a zone is: zone APEX FILE [unsigned], before all questions");
    (void)snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - run->path) + 1 : 0, run->path,
                   file);
    for (unsigned i = 0; i < WORLD_DENIALS; i++) {
        struct world_zone zone = {.apex = apex, .file = path, .denial = i};
        if (how && strcmp(how, "unsigned") == 0)
            zone.denial = WORLD_UNSIGNED;
        if (how && strcmp(how, "salted") == 0) {
            zone.salt = "salt";
            zone.iterations = 3;
        }
        world_load(&run->worlds[i], &zone);
    }
}

static void read_option(struct run *run, const char *word, struct item *item)
{
    for (unsigned i = 0; i < WORLD_DENIALS; i++)
        if (strcmp(word, denials[i]) == 0) {
            item->only[i] = true;
            return;
        }
    if (strcmp(word, "do") == 0)
        item->whole = item->ask.dnssec_ok = true;
    else if (strcmp(word, "whole") == 0)
        item->whole = true;
    else if (strcmp(word, "edns") == 0)
        item->ask.edns = true;
    else if (strcmp(word, "now") == 0)
        item->now = true;
    else if (strcmp(word, "tcp") == 0)
        item->ask.transport = ANSWER_TCP;
    else if (strncmp(word, "payload=", 8) == 0)
        item->ask.payload = (uint16_t)atoi(word + 8);
    else if (strncmp(word, "class=", 6) == 0 &&
             !class_from_text(word + 6, strlen(word + 6), &item->ask.class_))
        return;
    else
        die(run, "no such option");
}

static void read_question(struct run *run, char *words, struct item *item)
{
    char line[LINE_OCTETS];
    const char *name, *type, *word;

    *item = (struct item){.ask = {.class_ = CLASS_IN, .payload = 1232}, .line = run->line};
    (void)snprintf(item->title, sizeof item->title, "%s", words);
    name = strtok(words, " ");
    type = strtok(NULL, " ");
    if (!name || !type || name_from_string(name, &item->ask.name) ||
        type_from_text(type, strlen(type), &item->ask.type))
        die(run, "a question is: q NAME TYPE [OPTION...]");
    while ((word = strtok(NULL, " ")))
        read_option(run, word, item);
    while (read_line(run, line) && line[0])
        buffer_format(&item->expected, "%s\n", line);
}

/* ---- asking --------------------------------------------------------------------------------- */

static void fail(struct run *run, const struct item *item, unsigned world, const char *what,
                 const struct buffer *got)
{
    run->failed++;
    printf("%s:%u: q %s (%s): %s\n", run->path, item->line, item->title, denials[world], what);
    if (got)
        printf("--- expected\n%.*s--- got\n%.*s---\n", (int)item->expected.length,
               (const char *)item->expected.octets, (int)got->length, (const char *)got->octets);
}

/* The answer in run->response; false, and told, when there is none that can be read. */
static bool ask(struct run *run, const struct item *item, unsigned world)
{
    uint8_t octets[512];
    struct query query;
    struct answer_facts facts = {.now = WORLD_NOW,
                                 .transport = item->ask.transport,
                                 .patience = item->now ? ANSWER_NOW : ANSWER_MAY_WAIT};
    size_t length = world_query(&item->ask, octets, sizeof octets);

    if (query_read(octets, length, &query) != ANSWER_SEND) {
        fail(run, item, world, "the query is not one to be answered", NULL);
        return false;
    }
    answer_query(&run->answerers[world], &query, &facts, run->answer, sizeof run->answer,
                 &run->outcome);
    if (run->outcome.verdict != ANSWER_SEND) {
        fail(run, item, world, "signatures are missing", NULL);
        return false;
    }
    const char *wrong = response_read(run->answer, run->outcome.length, &run->response);
    if (wrong)
        fail(run, item, world, wrong, NULL);
    return !wrong;
}

static void compare(struct run *run, const struct item *item, unsigned world,
                    enum response_words words)
{
    struct buffer text = {.octets = NULL};

    response_print(&run->response, words, &text);
    if (run->print)
        printf("q %s\n%.*s\n", item->title, (int)text.length, (const char *)text.octets);
    else if (text.length != item->expected.length ||
             memcmp(text.octets, item->expected.octets, text.length) != 0)
        fail(run, item, world, words == WORDS_ALL ? "not as expected" : "not as without DO", &text);
    buffer_free(&text);
}

/* Asked twice in a row: the second and third time the answer may come from the cache. */
static void ask_plain(struct run *run, const struct item *item, unsigned world)
{
    struct item with = *item;

    if (ask(run, item, world))
        compare(run, item, world, WORDS_ALL);
    if (run->print)
        return;
    with.ask.dnssec_ok = with.ask.edns = true;
    with.ask.transport = ANSWER_TCP; /* or it may not fit */
    for (unsigned i = 0; i < 3; i++) {
        if (!ask(run, &with, world))
            return;
        compare(run, &with, world, WORDS_PLAIN);
        if (item->ask.class_ != CLASS_IN)
            return;
        const char *wrong = response_judge(&run->worlds[world], &run->response);
        if (wrong) {
            struct buffer text = {.octets = NULL};
            response_print(&run->response, WORDS_ALL, &text);
            fail(run, item, world, wrong, &text);
            buffer_free(&text);
        }
    }
}

static void run_question(struct run *run, const struct item *item)
{
    bool all = true;

    for (unsigned i = 0; i < WORLD_DENIALS; i++)
        all &= !item->only[i];
    for (unsigned i = 0; i < WORLD_DENIALS; i++) {
        if (!all && !item->only[i])
            continue;
        run->asked++;
        if (!item->whole)
            ask_plain(run, item, i);
        else if (ask(run, item, i))
            compare(run, item, i, WORDS_ALL);
        if (run->print)
            return;
    }
}

static void make_ready(struct run *run)
{
    for (unsigned i = 0; !run->ready && i < WORLD_DENIALS; i++) {
        struct answerer *answerer = &run->answerers[i];
        world_ready(&run->worlds[i], answerer);
        answerer->version = "a version";
        answerer->identity = "an identity";
        if (answer_cache_make(&answerer->cache, CACHE_OCTETS))
            die(run, "no memory");
    }
    run->ready = true;
}

static void run_line(struct run *run, char *line)
{
    static struct item item;

    if (line[0] == 0 || line[0] == ';') {
        if (run->print)
            printf("%s\n", line);
    } else if (strncmp(line, "zone ", 5) == 0) {
        if (run->print)
            printf("%s\n", line);
        load_zone(run, line + 5);
    } else if (strncmp(line, "q ", 2) == 0) {
        make_ready(run);
        read_question(run, line + 2, &item);
        run_question(run, &item);
        buffer_free(&item.expected);
    } else {
        die(run, "neither zone nor question");
    }
}

static unsigned run_file(struct run *run, const char *path, bool print)
{
    char line[LINE_OCTETS];

    *run = (struct run){.path = path, .print = print, .file = fopen(path, "r")};
    if (!run->file)
        die(run, "cannot be opened");
    for (unsigned i = 0; i < WORLD_DENIALS; i++)
        world_open(&run->worlds[i], MAP_OCTETS);
    while (read_line(run, line))
        run_line(run, line);
    (void)fclose(run->file);
    for (unsigned i = 0; i < WORLD_DENIALS; i++) {
        answer_cache_free(run->answerers[i].cache);
        world_close(&run->worlds[i]);
    }
    if (!print)
        printf("%s: %u asked, %u failed\n", path, run->asked, run->failed);
    return run->failed;
}

int main(int count, char **arguments)
{
    struct run *run = malloc(sizeof *run);
    unsigned failed = 0;
    bool print = count > 1 && strcmp(arguments[1], "-p") == 0;

    if (!run)
        return 2;
    for (int i = print ? 2 : 1; i < count; i++)
        failed += run_file(run, arguments[i], print);
    free(run);
    return failed ? 1 : 0;
}
