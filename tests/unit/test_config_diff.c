/* test_config_diff.c - what a reload is told to have changed. */
#include <stdlib.h>

#include "avow/config/diff.h"
#include "config_support.h"
#include "support.h"

/* A configuration in which each row replaces one piece. */
static const char base[] =
    "server: {listen: [127.0.0.1@5300], workers: 2, state: /s, control: /c, identity: me,\n"
    "         log: {level: info}}\n"
    "keystores: [{name: default, module: /m, uri: 'pkcs11:token=t', environment: {A: b}}]\n"
    "tsig: [{name: k, secret: AAAAAAAAAAAAAAAAAAAAAA==}, {name: l, secret-file: l.key}]\n"
    "policies: [{name: default, dnskey-ttl: 1h}, {name: other}]\n"
    "zones:\n"
    "  - {name: a, file: a}\n"
    "  - {name: b, file: b, policy: other, allow-transfer: [{key: k}], notify: [{address: "
    "9.9.9.9}]}\n"
    "  - {name: c, file: c, policy: none, allow-update: [{key: l, types: [A], names: [{name: "
    "x.c}]}]}\n"
    "rate-limit: {responses-per-second: 1, exempt: [10.0.0.0/8]}\n";

static struct config before, after;
static struct config_diff diff;
static struct heard heard;

static void parse_base(void)
{
    ck_assert_msg(parse_text(&before, base, &heard) == RESULT_OK, "%s", heard.text);
}

static void free_all(void)
{
    config_diff_free(&diff);
    config_free(&before);
    config_free(&after);
}

/* The difference as a line of words. */
static void describe(char *line, size_t size)
{
    static const char *const parts[] = {"file",     "policy",  "transfer",   "update", "notify",
                                        "changing", "journal", "rate-limit", "loading"};
    char name[NAME_MAX_TEXT];
    size_t used = 0;

#define SAY(...) used += (size_t)snprintf(line + used, size - used, __VA_ARGS__)
    line[0] = '\0';
    for (size_t i = 0; i < diff.restart_count; i++)
        SAY("%s ", diff.restart[i]);
    SAY("%s%s%s%s%s%s%s%s", diff.server ? "server " : "", diff.tls ? "tls " : "",
        diff.log ? "log " : "", diff.keystores ? "keystores " : "", diff.tsig ? "tsig " : "",
        diff.transfers ? "transfers " : "", diff.updates ? "updates " : "",
        diff.rate_limit ? "rate-limit " : "");
    for (size_t i = 0; i < diff.policy_count; i++)
        SAY("policy:%s%s ",
            !diff.policies[i].before  ? "+"
            : !diff.policies[i].after ? "-"
                                      : "",
            (diff.policies[i].before ? diff.policies[i].before : diff.policies[i].after)->name);
    for (size_t i = 0; i < diff.zone_count; i++) {
        const struct config_zone_change *change = &diff.zones[i];
        SAY("zone:%s%s",
            !change->before  ? "+"
            : !change->after ? "-"
                             : "",
            name_to_text(&(change->before ? change->before : change->after)->name, name));
        for (unsigned part = 0; part < COUNT(parts); part++)
            if (change->parts & 1U << part)
                SAY(",%s", parts[part]);
        SAY(" ");
    }
#undef SAY
}

static const struct {
    const char *from, *to, *said;
} rows[] = {
    {"", "", ""},
    {"# no change", "", ""},
    {"listen: [127.0.0.1@5300]", "listen: [127.0.0.1@5301]", "server.listen "},
    {"listen: [127.0.0.1@5300]", "listen: [127.0.0.1@5300, 127.0.0.2]", "server.listen "},
    {"workers: 2, state: /s, control: /c", "user: u, pid-file: p, store-size: 1G",
     "server.workers server.state server.control server.user server.pid-file server.store-size "},
    {"identity: me", "identity: you", "server "},
    {"identity: me", "identity: off", "server "},
    {"identity: me", "identity: me, scrub: 0", "server "},
    {"identity: me", "identity: me, scrub: 7d", ""},
    {"identity: me", "identity: me, tcp: {idle: 11}", "server "},
    {"identity: me", "identity: me, cookies: {enabled: on}", ""},
    {"identity: me", "identity: me, cookies: {enabled: off}", "server "},
    {"identity: me", "identity: me, cookies: {require: never}", "server "},
    {"identity: me", "identity: me, cookies: {secret-files: [f]}", "server "},
    {"identity: me", "identity: me, tcp: {per-address: 99}", "server "},
    {"identity: me", "identity: me, tcp: {per-network: 99}", "server "},
    {"identity: me", "identity: me, tls: {listen: ['::1'], certificate-file: c, key-file: k}",
     "server.tls.listen tls "},
    {"{name: a, file: a}", "{name: a, file: a, transfer-tls-only: on}", "zone:a.,transfer "},
    {"level: info", "level: debug", "log "},
    {"level: info", "target: /f", "log "},
    {"{A: b}", "{A: c}", "keystores "},
    {"secret: AAAA", "secret: BAAA", "tsig zone:b.,transfer "},
    {"l.key", "m.key", "tsig zone:c.,update "},
    {"dnskey-ttl: 1h", "dnskey-ttl: 2h", "policy:default zone:a.,policy "},
    {"dnskey-ttl: 1h", "dnskey-ttl: 60m", ""},
    {"{name: other}", "{name: other}, {name: new}", "policy:+new "},
    {"policy: other", "policy: default", "zone:b.,policy "},
    {"policy: none", "policy: other", "zone:c.,policy "},
    {"file: a", "file: z", "zone:a.,file "},
    {"{key: k}", "{key: l}", "zone:b.,transfer "},
    {"{key: k}", "{key: k, address: 10.0.0.1}", "zone:b.,transfer "},
    {"9.9.9.9", "9.9.9.9@54", "zone:b.,notify "},
    {"types: [A]", "types: [AAAA]", "zone:c.,update "},
    {"{name: x.c}", "{subdomain: x.c}", "zone:c.,update "},
    {"{name: a, file: a}", "{name: d, file: d}", "zone:-a. zone:+d. "},
    {"{name: a, file: a}", "{name: A, file: a}", ""},
    {"{name: x.c}", "{wildcard: '*.c'}", "zone:c.,update "},
    {"types: [A]", "types: [A], records-per-name: 1", "zone:c.,update "},
    {"{name: a, file: a}", "{name: a, file: a, serial: date}", "zone:a.,changing "},
    {"{name: a, file: a}", "{name: a, file: a, zone-file: write}", "zone:a.,changing "},
    {"{name: a, file: a}", "{name: a, file: a, reload: merge}", "zone:a.,changing "},
    {"{name: a, file: a}", "{name: a, file: a, reload: ask, serial: increment}", ""},
    {"{name: a, file: a}", "{name: a, file: a, journal: {size: 1M}}", "zone:a.,journal "},
    {"{name: a, file: a}", "{name: a, file: a, journal: {depth: 1}}", "zone:a.,journal "},
    {"{name: a, file: a}", "{name: a, file: a, reload-check: {largest-deletion: 31}}",
     "zone:a.,loading "},
    {"{name: a, file: a}", "{name: a, file: a, reload-check: {free-deletions: 0}}",
     "zone:a.,loading "},
    {"{name: a, file: a}", "{name: a, file: a, reload-check: {apex: off}}", "zone:a.,loading "},
    {"{name: a, file: a}", "{name: a, file: a, reload-check: {apex: on}, zonemd: verify}", ""},
    {"{name: a, file: a}", "{name: a, file: a, zonemd: ignore}", "zone:a.,loading "},
    {"{name: a, file: a}", "{name: a, file: a, publish-zonemd: sha384}", "zone:a.,loading "},
    {"{name: a, file: a}", "{name: a, file: a, hook: {program: /p}}", "zone:a.,loading "},
    {"{name: a, file: a}", "{name: a, file: a, hook: {program: none, deadline: 60s}}", ""},
    {"{name: a, file: a}", "{name: a, file: a, hook: {deadline: 2m}}", "zone:a.,loading "},
    {"{name: a, file: a}", "{name: a, file: a, hook: {arguments: [b]}}", "zone:a.,loading "},
    {"{name: a, file: a}", "{name: a, file: a, hook: {user: u}}", "zone:a.,loading "},
    {"zones:\n", "zone-defaults: {journal: {depth: 1}}\nzones:\n",
     "zone:a.,journal zone:b.,journal zone:c.,journal "},
    {"{name: a, file: a}", "{name: a, file: a, rate-limit: off}", "zone:a.,rate-limit "},
    {"{name: a, file: a}", "{name: a, file: a, rate-limit: on}", ""},
    {"second: 1", "second: 1, classes: {error: 2}", "rate-limit "},
    {"second: 1", "second: 1, classes: {error: 1}", ""},
    {"second: 1", "second: 1, window: 16", "rate-limit "},
    {"second: 1", "second: 1, slip: 3", "rate-limit "},
    {"second: 1", "second: 1, leak: 3", "rate-limit "},
    {"second: 1", "second: 1, dry-run: on", "rate-limit "},
    {"rate-limit", "transfers: {total: 2}\nrate-limit", "transfers "},
    {"rate-limit", "transfers: {per-peer: 2}\nrate-limit", "transfers "},
    {"rate-limit", "transfers: {longest: 3h}\nrate-limit", "transfers "},
    {"rate-limit", "transfers: {idle: 2}\nrate-limit", "transfers "},
    {"rate-limit", "transfers: {clients: 2}\nrate-limit", "transfers "},
    {"rate-limit", "updates: {queue: 2}\nrate-limit", "updates "},
    {"rate-limit", "updates: {queue-size: 2M}\nrate-limit", "updates "},
    {"rate-limit", "updates: {deadline: 2}\nrate-limit", "updates "},
    {"rate-limit", "updates: {deadline: 10s}\nrate-limit", ""},
    {"second: 1", "second: 2", "rate-limit "},
    {"10.0.0.0/8", "10.0.0.0/9", "rate-limit "},
};

START_TEST(tells_what_differs)
{
    char text[4096], line[1024];
    const char *place = strstr(base, rows[_i].from);

    if (!place) { /* a comment at the end */
        (void)snprintf(text, sizeof(text), "%s%s\n", base, rows[_i].from);
    } else {
        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(place - base), base, rows[_i].to,
                       place + strlen(rows[_i].from));
    }
    ck_assert_msg(parse_text(&after, text, &heard) == RESULT_OK, "%s", heard.text);
    if (strstr(rows[_i].from, "secret: ")) {
        /* Secrets count when both were loaded with them, which takes files: stand-ins do here. */
        static uint8_t old = 0, new = 4;
        before.tsig[0].secret = &old;
        after.tsig[0].secret = &new;
        before.tsig[0].secret_length = after.tsig[0].secret_length = 1;
    }
    ck_assert_int_eq(config_diff(&before, &after, &diff), RESULT_OK);
    describe(line, sizeof(line));
    ck_assert_msg(!strcmp(line, rows[_i].said), "%s -> %s: said %s, not %s", rows[_i].from,
                  rows[_i].to, line, rows[_i].said);
    ck_assert_int_eq(config_diff_is_empty(&diff), rows[_i].said[0] == '\0');
}
END_TEST

/* The file is called as before, and holds another secret, or one more. */
START_TEST(secrets_of_cookies_count)
{
    struct config_cookie_secret old[] = {{{1}}, {{2}}}, new[] = {{{1}}, {{3}}};
    struct config_cookies *a = &before.server.cookies, *b = &after.server.cookies;

    ck_assert_int_eq(parse_text(&after, base, &heard), RESULT_OK);
    a->secrets = old;
    b->secrets = new;
    a->secret_count = b->secret_count = 1;
    ck_assert_int_eq(config_diff(&before, &after, &diff), RESULT_OK);
    ck_assert(config_diff_is_empty(&diff));
    config_diff_free(&diff);
    b->secret_count = 2;
    ck_assert_int_eq(config_diff(&before, &after, &diff), RESULT_OK);
    ck_assert(diff.server);
    config_diff_free(&diff);
    a->secret_count = 2;
    ck_assert_int_eq(config_diff(&before, &after, &diff), RESULT_OK);
    ck_assert(diff.server);
}
END_TEST

START_TEST(from_and_to_nothing)
{
    char line[1024];

    ck_assert_int_eq(config_diff(&before, &after, &diff), RESULT_OK);
    describe(line, sizeof(line));
    ck_assert_ptr_nonnull(
        strstr(line, "policy:-default policy:-other zone:-a. zone:-b. zone:-c. "));
    config_diff_free(&diff);
    ck_assert_int_eq(config_diff(&after, &before, &diff), RESULT_OK);
    describe(line, sizeof(line));
    ck_assert_ptr_nonnull(
        strstr(line, "policy:+default policy:+other zone:+a. zone:+b. zone:+c. "));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/diff");
    TCase *differing = tcase_create("differing");

    tcase_add_checked_fixture(differing, parse_base, free_all);
    tcase_add_loop_test(differing, tells_what_differs, 0, COUNT(rows));
    tcase_add_test(differing, secrets_of_cookies_count);
    tcase_add_test(differing, from_and_to_nothing);
    suite_add_tcase(suite, differing);
    return run_suite(suite);
}
