/* offline.c - what needs no daemon: judging zone files and configurations, making secrets. */
#include "avowctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avow/base/random.h"
#include "avow/config/schema.h"
#include "avow/dnssec/zonemd_verify.h"
#include "avow/tls/credentials.h"
#include "avow/tsig/tsig.h"
#include "avow/wire/codec.h"
#include "avow/zonefile/judge.h"
#include "avow/zonefile/parser.h"

/* ---- zone check -------------------------------------------------------------------------------
 */

struct zone_check {
    struct name zone;
    struct gather gather;
    struct zonefile_files files;
    struct complaints complaints;
    const char *zonemd; /* a word for what became of it; NULL: the file was not that good */
    bool verified;
    uint64_t records, names;
};

static enum result take_record(void *context, const struct zonefile_record *record)
{
    struct zone_check *check = context;

    check->records++;
    return gather_add(&check->gather, record->owner,
                      &(struct gathered){.type = record->type,
                                         .ttl = record->ttl,
                                         .file = record->file,
                                         .line = record->line,
                                         .rdata = record->rdata,
                                         .rdata_length = record->length});
}

static enum result judge_records(struct zone_check *check)
{
    const struct zone_rules_options options = {.zone = &check->zone,
                                               .signing = ZONE_SIGNED_HERE,
                                               .complaints = &check->complaints,
                                               .files = &check->files};

    return zone_judge(&check->gather, &options, &check->names);
}

/* As a load with the default policy does, which would be held by what is an error here. */
static enum result judge_digest(struct zone_check *check)
{
    const struct record_walk records = gather_walk(&check->gather);
    struct zonemd_finding finding;
    char text[ZONEMD_TEXT];
    enum result result = zonemd_verify(&check->zone, &records, &finding);

    if (result)
        return result;
    check->zonemd = zonemd_word(finding.verdict);
    check->verified = finding.verdict == ZONEMD_RIGHT;
    if (finding.verdict == ZONEMD_ABSENT || finding.verdict == ZONEMD_RIGHT)
        return RESULT_OK;
    complain(&check->complaints,
             &(struct complaint){.weight = zonemd_refutes(finding.verdict) ? COMPLAINT_ERROR
                                                                           : COMPLAINT_WARNING,
                                 .file = zonefile_file_name(&check->files, 0),
                                 .what = zonemd_tell(&finding, text)});
    return RESULT_OK;
}

static enum result judge(struct zone_check *check)
{
    enum result result = gather_sort(&check->gather);

    if (!result)
        result = judge_digest(check);
    if (!result)
        result = judge_records(check);
    return !result && check->complaints.errors ? RESULT_FORMAT : result;
}

/* The origin when it is not said: the file's name without its ending. */
static enum result guess_origin(const char *file, struct name *zone)
{
    char text[NAME_MAX_TEXT];
    const char *slash = strrchr(file, '/');

    (void)snprintf(text, sizeof text, "%s", slash ? slash + 1 : file);
    char *dot = strrchr(text, '.');
    if (dot && (strcmp(dot, ".zone") == 0 || strcmp(dot, ".db") == 0))
        *dot = '\0';
    return name_from_string(text, zone);
}

int run_zone_check(const struct options *options)
{
    const char *file = options->words[2], *origin = options->words[3];
    struct zone_check check = {.complaints = {.take = print_complaint}};
    char text[NAME_MAX_TEXT];

    if (origin ? name_from_string(origin, &check.zone) : guess_origin(file, &check.zone)) {
        (void)fprintf(stderr, "avowctl: %s is not a domain name\n", origin ? origin : file);
        return EXIT_USAGE;
    }
    struct zonefile_options reading = {.path = file,
                                       .zone = &check.zone,
                                       .complaints = &check.complaints,
                                       .files = &check.files,
                                       .record = take_record,
                                       .context = &check};
    gather_open(&check.gather, &check.zone);
    enum result result = zonefile_parse(&reading, NULL);
    if (!result)
        result = judge(&check);
    gather_close(&check.gather);
    zonefile_files_free(&check.files);
    (void)name_to_text(&check.zone, text);
    if (options->json)
        (void)printf("{\"zone\": \"%s\", \"records\": %llu, \"names\": %llu, \"errors\": %u, "
                     "\"warnings\": %u, \"zonemd\": %s%s%s}\n",
                     text, (unsigned long long)check.records, (unsigned long long)check.names,
                     check.complaints.errors, check.complaints.warnings, check.zonemd ? "\"" : "",
                     check.zonemd ? check.zonemd : "null", check.zonemd ? "\"" : "");
    else if (!result)
        (void)printf("%s: fine: %llu records of %llu names, %u warning%s%s\n", text,
                     (unsigned long long)check.records, (unsigned long long)check.names,
                     check.complaints.warnings, check.complaints.warnings == 1 ? "" : "s",
                     check.verified ? ", ZONEMD verified" : "");
    else
        (void)fprintf(stderr, "avowctl: %s: %u error%s, %u warning%s\n", text,
                      check.complaints.errors, check.complaints.errors == 1 ? "" : "s",
                      check.complaints.warnings, check.complaints.warnings == 1 ? "" : "s");
    return result ? EXIT_FAILED : EXIT_DONE;
}

/* ---- configuration ----------------------------------------------------------------------------
 */

int run_config_check(const struct options *options)
{
    struct complaints complaints = {.take = print_complaint};
    struct config config;
    enum result result = config_load(&config, options->words[2], CONFIG_SECRETS, &complaints);

    if (!result &&
        (result = tls_credentials_check(&config.server.tls, options->words[2], &complaints)))
        config_free(&config);
    if (options->json)
        (void)printf("{\"errors\": %u, \"warnings\": %u}\n", complaints.errors,
                     complaints.warnings);
    else if (!result)
        (void)printf("%s: fine: %zu zones, %zu policies, %zu keystores\n", options->words[2],
                     config.zone_count, config.policy_count, config.keystore_count);
    if (!result)
        config_free(&config);
    return result ? EXIT_FAILED : EXIT_DONE;
}

int run_config_schema(const struct options *options)
{
    struct buffer text = {.octets = NULL};

    (void)options;
    config_schema_json(&text);
    bool written =
        !buffer_check(&text) && fwrite(text.octets, 1, text.length, stdout) == text.length;
    buffer_free(&text);
    return written ? EXIT_DONE : EXIT_FAILED;
}

/* ---- secrets ----------------------------------------------------------------------------------
 */

/* Characters that a key file needs no quotes or escapes for, at whatever end it is read. */
static bool is_plain(const char *text)
{
    return text[strspn(
               text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == '\0';
}

/* What others can read is no secret, and no secret-file either. */
static void warn_of_readers(const char *what)
{
    struct stat status;

    if (fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode) && status.st_mode & 077)
        (void)fprintf(stderr,
                      "avowctl: warning: others can read the file that the %s was written "
                      "to; avow takes it with mode 0600 only\n",
                      what);
}

/* What printf said of a key or a secret, to an exit code. */
static int finish_secret(int printed, const char *what)
{
    if (printed < 0 || fflush(stdout)) {
        (void)fprintf(stderr, "avowctl: the %s was not written: %s\n", what, strerror(errno));
        return EXIT_FAILED;
    }
    warn_of_readers(what);
    return EXIT_DONE;
}

/* The file goes to BIND's tools as it is, and to avow as a secret-file. */
static int print_key(const struct options *options, const char *name, enum tsig_algorithm algorithm,
                     const char *secret)
{
    const char *word = tsig_algorithm_to_text(algorithm);
    int printed =
        options->json
            ? printf("{\"name\": \"%s\", \"algorithm\": \"%s\", \"secret\": \"%s\"}\n", name, word,
                     secret)
            : printf("key \"%s\" {\n\talgorithm %s;\n\tsecret \"%s\";\n};\n", name, word, secret);

    return finish_secret(printed, "key");
}

/* A secret as long as the hash: less is weaker, more is no stronger (RFC 8945 section 8). */
static int make_key(const struct options *options, const char *name, enum tsig_algorithm algorithm)
{
    uint8_t secret[TSIG_MAX_MAC];
    size_t octets = tsig_mac_octets(algorithm);
    struct buffer text = {.octets = NULL};
    int code = EXIT_FAILED;

    if (!random_fill(secret, octets)) {
        base64_write(&text, secret, octets);
        buffer_u8(&text, 0);
    }
    if (text.length > 0 && !buffer_check(&text))
        code = print_key(options, name, algorithm, (const char *)text.octets);
    else
        (void)fprintf(stderr, "avowctl: there is no randomness or no memory for a secret\n");
    explicit_bzero(secret, sizeof secret);
    if (text.octets)
        explicit_bzero(text.octets, text.length);
    buffer_free(&text);
    return code;
}

int run_tsig_generate(const struct options *options)
{
    enum tsig_algorithm algorithm = TSIG_HMAC_SHA256;
    const char *wanted = options->words[3];
    char text[NAME_MAX_TEXT];
    struct name name;

    if (name_from_string(options->words[2], &name) || name.labels == 0 ||
        !is_plain(name_to_text(&name, text))) {
        (void)fprintf(stderr,
                      "avowctl: %s is not a name for a key: a domain name of letters, digits, "
                      "hyphens and underscores is\n",
                      options->words[2]);
        return EXIT_USAGE;
    }
    if (!wanted || !tsig_algorithm_from_text(wanted, &algorithm))
        return make_key(options, text, algorithm);
    (void)fprintf(stderr, "avowctl: unknown algorithm %s; there are", wanted);
    for (int i = 0; i < TSIG_ALGORITHMS; i++)
        (void)fprintf(stderr, " %s", tsig_algorithm_to_text((enum tsig_algorithm)i));
    (void)fprintf(stderr, "\n");
    return EXIT_USAGE;
}

/* What secret-files of cookies hold, here and in other servers. */
int run_cookie_generate(const struct options *options)
{
    uint8_t secret[CONFIG_COOKIE_SECRET_OCTETS];
    char text[2 * sizeof secret + 1];
    int printed;

    if (random_fill(secret, sizeof secret)) {
        (void)fprintf(stderr, "avowctl: there is no randomness for a secret\n");
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < sizeof secret; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", secret[i]);
    printed = options->json ? printf("{\"secret\": \"%s\"}\n", text) : printf("%s\n", text);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(text, sizeof text);
    return finish_secret(printed, "secret");
}
