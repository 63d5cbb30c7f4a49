/* main.c - options, the verb, the exit code. */
#include "avowctl.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void print_usage(FILE *out)
{
    (void)fprintf(out, "usage: avowctl [-c FILE | -s SOCKET] [--json] VERB ...\n\n");
    for (size_t i = 0; i < verb_count; i++) {
        const struct verb *verb = &verbs[i];
        int length = fprintf(out, "  %s%s%s %s", verb->first, verb->second ? " " : "",
                             verb->second ? verb->second : "", verb->arguments);
        (void)fprintf(out, "%*s%s\n", length < 44 ? 44 - length : 1, "", verb->help);
    }
    (void)fprintf(out, "\nSee avowctl(8).\n");
}

/* Edit distance, for what is nearest to a mistyped word; words are short. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[32];
    size_t columns = strlen(b);

    if (columns >= COUNT(row))
        return 99;
    for (unsigned j = 0; j <= columns; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= columns; j++) {
            unsigned cost = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < cost)
                cost = row[j] + 1;
            if (row[j - 1] + 1 < cost)
                cost = row[j - 1] + 1;
            row[j] = cost;
        }
    }
    return row[columns];
}

static int complain_of_verb(const struct options *options)
{
    const struct verb *nearest = NULL;
    unsigned least = 4;

    for (size_t i = 0; i < verb_count; i++) {
        unsigned far = distance(options->words[0], verbs[i].first);
        if (verbs[i].second && options->count > 1)
            far += distance(options->words[1], verbs[i].second);
        if (far < least) {
            least = far;
            nearest = &verbs[i];
        }
    }
    (void)fprintf(stderr, "avowctl: there is no verb %s%s%s", options->words[0],
                  options->count > 1 ? " " : "", options->count > 1 ? options->words[1] : "");
    if (nearest)
        (void)fprintf(stderr, "; did you mean %s%s%s?", nearest->first, nearest->second ? " " : "",
                      nearest->second ? nearest->second : "");
    (void)fprintf(stderr, "\n");
    return EXIT_USAGE;
}

static const struct verb *find_verb(const struct options *options)
{
    for (size_t i = 0; i < verb_count; i++) {
        const struct verb *verb = &verbs[i];
        if (strcmp(options->words[0], verb->first) != 0)
            continue;
        if (!verb->second || (options->count > 1 && strcmp(options->words[1], verb->second) == 0))
            return verb;
    }
    return NULL;
}

static int run(const struct options *options)
{
    const struct verb *verb = find_verb(options);
    if (!verb)
        return complain_of_verb(options);
    unsigned behind = options->count - (verb->second ? 2 : 1);
    if (behind < verb->least || behind > verb->most) {
        (void)fprintf(stderr, "usage: avowctl %s%s%s %s\n", verb->first, verb->second ? " " : "",
                      verb->second ? verb->second : "", verb->arguments);
        return EXIT_USAGE;
    }
    return verb->run ? verb->run(options) : call_daemon(options, verb);
}

int main(int count, char **words)
{
    static const struct option long_options[] = {{"json", no_argument, NULL, 'j'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {"version", no_argument, NULL, 'V'},
                                                 {NULL, 0, NULL, 0}};
    struct options options = {.configuration = DEFAULT_CONFIGURATION};
    int option;

    while ((option = getopt_long(count, words, "+c:s:hV", long_options, NULL)) != -1) {
        switch (option) {
        case 'c':
            options.configuration = optarg;
            break;
        case 's':
            options.socket = optarg;
            break;
        case 'j':
            options.json = true;
            break;
        case 'h':
            print_usage(stdout);
            return EXIT_DONE;
        case 'V':
            (void)printf("avowctl %s\n", AVOW_VERSION);
            return EXIT_DONE;
        default:
            return EXIT_USAGE;
        }
    }
    /* --json may also stand at the end, where one thinks of it. */
    while (count > optind && strcmp(words[count - 1], "--json") == 0) {
        options.json = true;
        words[--count] = NULL;
    }
    options.words = words + optind;
    options.count = (unsigned)(count - optind);
    if (options.count == 0) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    return run(&options);
}
