/* test_config_good.c - what a configuration means: values, defaults, references, forms. */
#include <stdlib.h>
#include <unistd.h>

#include "avow/base/buffer.h"
#include "avow/wire/type.h"
#include "config_support.h"
#include "support.h"

#define SERVER "server: {listen: [127.0.0.1@5300]}\n"

static struct config config;
static struct heard heard;

static void free_config(void)
{
    config_free(&config);
}

static void must_parse(const char *text)
{
    ck_assert_msg(parse_text(&config, text, &heard) == RESULT_OK, "%s", heard.text);
}

START_TEST(sample_server)
{
    must_parse(SAMPLE);
    const struct config_server *server = &config.server;
    char text[CONFIG_ADDRESS_TEXT];

    ck_assert_uint_eq(server->listen_count, 2);
    ck_assert_str_eq(config_address_to_text(&server->listen[0], text), "127.0.0.1@5300");
    ck_assert_str_eq(config_address_to_text(&server->listen[1], text), "::1@5300");
    ck_assert_str_eq(server->state, "/etc/avow/../run/state");
    ck_assert_str_eq(server->control, "/etc/avow/../run/avow.sock");
    ck_assert_str_eq(server->pid_file, "/etc/avow/../run/avowd.pid");
    ck_assert_str_eq(server->user, "avow");
    ck_assert_int_eq(server->log_target, CONFIG_LOG_STDERR);
    ck_assert_ptr_null(server->log_file);
    ck_assert_int_eq(server->log_level, LOG_LEVEL_INFO);
    ck_assert_uint_eq(server->store_size, UINT64_C(64) << 30);
    ck_assert_uint_eq(server->udp_payload, 1232);
    ck_assert_uint_eq(server->tcp_clients, 1000);
    ck_assert_uint_eq(server->tcp_per_address, 0);
    ck_assert_uint_eq(server->tcp_per_network, 0);
    ck_assert_uint_eq(server->tcp_idle, 10);
    ck_assert_uint_eq(server->tcp_pipeline, 64);
    ck_assert(server->cookies.enabled);
    ck_assert_int_eq(server->cookies.require, CONFIG_COOKIES_PRESSURE);
    ck_assert_uint_eq(server->cookies.secret_count + server->cookies.secret_file_count, 0);
    ck_assert_str_eq(server->version, "avow " AVOW_VERSION);
    ck_assert_ptr_nonnull(server->identity);
    ck_assert_str_eq(config.file, "/etc/avow/avow.yaml");
}
END_TEST

START_TEST(sample_keys)
{
    must_parse(SAMPLE);
    const struct config_keystore *keystore = &config.keystores[0];

    ck_assert_uint_eq(config.keystore_count, 1);
    ck_assert_str_eq(keystore->uri, "pkcs11:token=avow");
    ck_assert_str_eq(keystore->pin_file, "/etc/avow/../run/pin");
    ck_assert_ptr_null(keystore->pin);
    ck_assert_uint_eq(keystore->environment_count, 1);
    ck_assert_str_eq(keystore->environment[0].name, "SOFTHSM2_CONF");
    ck_assert_str_eq(keystore->environment[0].value, "/etc/avow/../run/softhsm2.conf");
    ck_assert_uint_eq(config.tsig_count, 2);
    ck_assert_str_eq(config.tsig[1].algorithm, "hmac-sha256");
    ck_assert_str_eq(config.tsig[1].secret_file, "/etc/avow/ddns.key");

    const struct config_policy *policy = &config.policies[0];
    ck_assert_uint_eq(config.policy_count, 1);
    ck_assert_ptr_eq(policy->keystore, keystore);
    ck_assert_uint_eq(policy->algorithm, 13);
    ck_assert_int_eq(policy->keys, CONFIG_KEYS_KSK_ZSK);
    ck_assert_uint_eq(policy->zsk_lifetime, 90 * 86400);
    ck_assert_uint_eq(policy->ksk_lifetime, 0);
    ck_assert_uint_eq(policy->dnskey_ttl, 3600);
    ck_assert_uint_eq(policy->signature_validity, 14 * 86400);
    ck_assert_uint_eq(policy->signature_refresh, 5 * 86400);
    ck_assert_uint_eq(policy->signature_jitter, 12 * 3600);
    ck_assert_int_eq(policy->denial, CONFIG_DENIAL_NSEC3);
    ck_assert(!policy->nsec3_opt_out && !policy->nsec3_iterations && !policy->nsec3_salt_length);
    ck_assert_int_eq(policy->verify_signatures, CONFIG_VERIFY_SAMPLE);
}
END_TEST

START_TEST(sample_zone)
{
    must_parse(SAMPLE);
    struct name name;
    ck_assert_int_eq(name_from_string("EXAMPLE.com", &name), RESULT_OK);
    const struct config_zone *zone = config_zone_find(&config, &name);

    ck_assert_ptr_nonnull(zone);
    ck_assert_str_eq(zone->file, "/etc/avow/../zones/example.com.zone");
    ck_assert_ptr_eq(zone->policy, &config.policies[0]);
    ck_assert_uint_eq(zone->allow_transfer_count, 2);
    ck_assert_ptr_eq(zone->allow_transfer[0].key, &config.tsig[0]);
    ck_assert_uint_eq(zone->allow_transfer[0].address.family, 0);
    ck_assert_ptr_null(zone->allow_transfer[1].key);
    ck_assert_uint_eq(zone->allow_transfer[1].address.length, 24);
    ck_assert_uint_eq(zone->allow_update_count, 1);
    const struct config_acl_entry *entry = &zone->allow_update[0];
    ck_assert_ptr_eq(entry->key, &config.tsig[1]);
    ck_assert_uint_eq(entry->name_count, 1);
    ck_assert_int_eq(entry->names[0].scope, CONFIG_SCOPE_SUBDOMAIN);
    ck_assert_uint_eq(entry->type_count, 3);
    ck_assert_uint_eq(entry->types[1], TYPE_AAAA);
    ck_assert_uint_eq(zone->notify_count, 1);
    ck_assert_uint_eq(zone->notify[0].address.port, 53);
    ck_assert_ptr_eq(zone->notify[0].key, &config.tsig[0]);
    ck_assert_uint_eq(config.rate_limit.responses_per_second, 200);
    ck_assert_uint_eq(config.rate_limit.exempt_count, 1);
}
END_TEST

START_TEST(sample_says_what_is_inactive)
{
    must_parse(SAMPLE);
    ck_assert_str_eq(
        heard.text,
        "25:5: note: 'zsk-lifetime' is checked, but this version does not act on it\n"
        "37:49: warning: an address can be forged; add a key, or insecure: true to say that it is "
        "meant so");
}
END_TEST

START_TEST(update_rules)
{
    must_parse("zones: [{name: a.example, file: a, policy: none, allow-update: [\n"
               "  {key: h.a.example, address: 192.0.2.0/24, records-per-name: 7, names: [\n"
               "    {name: x.a.example}, {subdomain: Y.a.example}, {wildcard: '*.Z.a.example'},\n"
               "    {self: name}, {self: SUBDOMAIN}]},\n"
               "  {key: h.a.example, types: [DNSKEY, cds, TYPE62]}]}]\n"
               "tsig: [{name: H.a.example, secret-file: k}]\n" SERVER);
    static const enum config_scope scopes[] = {
        CONFIG_SCOPE_NAME, CONFIG_SCOPE_SUBDOMAIN,      CONFIG_SCOPE_WILDCARD,
        CONFIG_SCOPE_SELF, CONFIG_SCOPE_SELF_SUBDOMAIN,
    };
    static const char *const names[] = {"x.a.example.", "y.a.example.", "*.z.a.example.", ".", "."};
    const struct config_acl_entry *entry = config.zones[0].allow_update;
    char text[NAME_MAX_TEXT];

    ck_assert_str_eq(heard.text, "");
    ck_assert_uint_eq(config.zones[0].allow_update_count, 2);
    ck_assert_ptr_eq(entry->key, &config.tsig[0]);
    ck_assert_uint_eq(entry->address.length, 24);
    ck_assert_uint_eq(entry->records_per_name, 7);
    ck_assert_uint_eq(entry->name_count, COUNT(scopes));
    for (size_t i = 0; i < COUNT(scopes); i++) {
        ck_assert_int_eq(entry->names[i].scope, scopes[i]);
        ck_assert_str_eq(name_to_text(&entry->names[i].name, text), names[i]);
    }
    ck_assert_uint_eq(entry->type_count, 0);
    ck_assert_uint_eq(entry[1].records_per_name + entry[1].name_count, 0);
    ck_assert_uint_eq(entry[1].type_count, 3);
    ck_assert_uint_eq(entry[1].types[0], TYPE_DNSKEY);
    ck_assert_uint_eq(entry[1].types[1], TYPE_CDS);
    ck_assert_uint_eq(entry[1].types[2], TYPE_CSYNC);
}
END_TEST

/* What a zone has when the sections say so: its own, those of all zones, or ours. */
static const struct {
    const char *defaults, *zone;
    enum config_serial serial;
    enum config_zone_file zone_file;
    enum config_reload reload;
    uint64_t journal_size;
    uint32_t journal_depth;
} settings[] = {
    {"", "", CONFIG_SERIAL_INCREMENT, CONFIG_ZONE_FILE_READ, CONFIG_RELOAD_ASK, 16 << 20, 10000},
    {"", "journal: , serial: unixtime, reload: replace", CONFIG_SERIAL_UNIXTIME,
     CONFIG_ZONE_FILE_READ, CONFIG_RELOAD_REPLACE, 16 << 20, 10000},
    {"", "journal: {size: 64K}, serial: date", CONFIG_SERIAL_DATE, CONFIG_ZONE_FILE_READ,
     CONFIG_RELOAD_ASK, 64 << 10, 10000},
    {"serial: date, zone-file: write, reload: merge, journal: {size: 1T, depth: 5}", "",
     CONFIG_SERIAL_DATE, CONFIG_ZONE_FILE_WRITE, CONFIG_RELOAD_MERGE, UINT64_C(1) << 40, 5},
    {"serial: date, zone-file: write, reload: merge, journal: {size: 1T, depth: 5}",
     "serial: increment, zone-file: read, reload: ask, journal: {depth: 0}",
     CONFIG_SERIAL_INCREMENT, CONFIG_ZONE_FILE_READ, CONFIG_RELOAD_ASK, UINT64_C(1) << 40, 0},
};

START_TEST(zone_settings)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "zones: [{name: a, file: f, policy: none, %s}]\nzone-defaults: {%s}\n" SERVER,
                   settings[_i].zone, settings[_i].defaults);
    must_parse(text);
    const struct config_zone *zone = &config.zones[0];
    ck_assert_int_eq(zone->serial, settings[_i].serial);
    ck_assert_int_eq(zone->zone_file, settings[_i].zone_file);
    ck_assert_int_eq(zone->reload, settings[_i].reload);
    ck_assert_uint_eq(zone->journal_size, settings[_i].journal_size);
    ck_assert_uint_eq(zone->journal_depth, settings[_i].journal_depth);
    ck_assert_str_eq(heard.text, "");
}
END_TEST

/* What is held, and who is asked, likewise. */
static const struct {
    const char *defaults, *zone;
    struct config_reload_check check;
    enum config_zonemd zonemd;
    const char *program, *argument, *user;
    uint32_t deadline;
} loads[] = {
    {"", "", {30, 20, true}, CONFIG_ZONEMD_VERIFY, NULL, NULL, NULL, 60},
    {"reload-check: {largest-deletion: 1, apex: no}, zonemd: ignore",
     "reload-check: {free-deletions: 0}, zonemd: require",
     {1, 0, false},
     CONFIG_ZONEMD_REQUIRE,
     NULL,
     NULL,
     NULL,
     60},
    {"hook: {program: /p, arguments: [one], user: u, deadline: 5s}",
     "reload-check: {largest-deletion: 100}",
     {100, 20, true},
     CONFIG_ZONEMD_VERIFY,
     "/p",
     "one",
     "u",
     5},
    {"hook: {program: /p, arguments: [one], user: u, deadline: 5s}",
     "hook: {program: /q, user: v}",
     {30, 20, true},
     CONFIG_ZONEMD_VERIFY,
     "/q",
     NULL,
     "v",
     5},
    {"hook: {program: /p, arguments: [one]}",
     "hook: {arguments: ['']}",
     {30, 20, true},
     CONFIG_ZONEMD_VERIFY,
     "/p",
     "",
     NULL,
     60},
    {"hook: {program: /p}",
     "hook: {program: none}",
     {30, 20, true},
     CONFIG_ZONEMD_VERIFY,
     NULL,
     NULL,
     NULL,
     60},
};

START_TEST(loading)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "zones: [{name: a, file: f, policy: none, %s}]\nzone-defaults: {%s}\n" SERVER,
                   loads[_i].zone, loads[_i].defaults);
    must_parse(text);
    const struct config_zone *zone = &config.zones[0];
    const struct config_hook *hook = &zone->hook;
    ck_assert_uint_eq(zone->reload_check.largest_deletion, loads[_i].check.largest_deletion);
    ck_assert_uint_eq(zone->reload_check.free_deletions, loads[_i].check.free_deletions);
    ck_assert_int_eq(zone->reload_check.apex, loads[_i].check.apex);
    ck_assert_int_eq(zone->zonemd, loads[_i].zonemd);
    ck_assert_pstr_eq(hook->program, loads[_i].program);
    ck_assert_uint_eq(hook->argument_count, loads[_i].argument != NULL);
    ck_assert_pstr_eq(hook->argument_count ? hook->arguments[0] : NULL, loads[_i].argument);
    ck_assert_pstr_eq(hook->user, loads[_i].user);
    ck_assert_uint_eq(hook->deadline, loads[_i].deadline);
    ck_assert_str_eq(heard.text, "");
}
END_TEST

START_TEST(limits)
{
    must_parse(SERVER);
    ck_assert_uint_eq(config.transfers.total, 64);
    ck_assert_uint_eq(config.transfers.per_peer, 8);
    ck_assert_uint_eq(config.transfers.idle, 30);
    ck_assert_uint_eq(config.transfers.longest, 7200);
    ck_assert_uint_eq(config.transfers.clients, 1000);
    ck_assert_uint_eq(config.updates.queue, 1000);
    ck_assert_uint_eq(config.updates.queue_size, 16 << 20);
    ck_assert_uint_eq(config.updates.deadline, 10);
    config_free(&config);
    must_parse(SERVER "transfers: {total: 3, per-peer: 2, idle: 1m, longest: 1d, clients: 4}\n"
                      "updates: {queue: 5, queue-size: 2M, deadline: 6}\n");
    ck_assert_uint_eq(config.transfers.total, 3);
    ck_assert_uint_eq(config.transfers.per_peer, 2);
    ck_assert_uint_eq(config.transfers.idle, 60);
    ck_assert_uint_eq(config.transfers.longest, 86400);
    ck_assert_uint_eq(config.transfers.clients, 4);
    ck_assert_uint_eq(config.updates.queue, 5);
    ck_assert_uint_eq(config.updates.queue_size, 2 << 20);
    ck_assert_uint_eq(config.updates.deadline, 6);
}
END_TEST

START_TEST(rate_limits)
{
    static const uint32_t classes[CONFIG_CLASSES] = {[CONFIG_CLASS_POSITIVE] = 100,
                                                     [CONFIG_CLASS_NODATA] = 0,
                                                     [CONFIG_CLASS_NXDOMAIN] = 5,
                                                     [CONFIG_CLASS_REFERRAL] = 100,
                                                     [CONFIG_CLASS_ERROR] = 6};

    must_parse(SERVER "zones: [{name: a, file: f, policy: none}]\n");
    ck_assert_str_eq(heard.text, "");
    for (unsigned i = 0; i < CONFIG_CLASSES; i++)
        ck_assert_uint_eq(config.rate_limit.classes[i], 0);
    ck_assert_uint_eq(config.rate_limit.window, 15);
    ck_assert_uint_eq(config.rate_limit.leak, 0);
    ck_assert(!config.rate_limit.dry_run && config.zones[0].rate_limit);
    config_free(&config);
    must_parse(SERVER "rate-limit: {responses-per-second: 100, window: 1m, slip: 0, leak: 1,\n"
                      "  dry-run: on, classes: {nxdomain: 5, error: 6, nodata: 0}}\n"
                      "zones: [{name: a, file: f, policy: none},\n"
                      "        {name: b, file: f, policy: none, rate-limit: on}]\n"
                      "zone-defaults: {rate-limit: off}\n");
    ck_assert_str_eq(
        heard.text,
        "2:53: warning: with slip: 0 whoever shares an address with an attacker gets no answer by "
        "UDP, and does not learn that TCP would do\n"
        "2:62: warning: leak: 1 sends every answer, so that there is no limit");
    for (unsigned i = 0; i < CONFIG_CLASSES; i++)
        ck_assert_uint_eq(config.rate_limit.classes[i], classes[i]);
    ck_assert_uint_eq(config.rate_limit.window, 60);
    ck_assert_uint_eq(config.rate_limit.slip, 0);
    ck_assert_uint_eq(config.rate_limit.leak, 1);
    ck_assert(config.rate_limit.dry_run);
    ck_assert(!config.zones[0].rate_limit && config.zones[1].rate_limit);
    config_free(&config);
    must_parse(SERVER "rate-limit: {classes: {error: 1}, slip: 0}\n");
    ck_assert_str_eq(
        heard.text,
        "2:35: warning: with slip: 0 whoever shares an address with an attacker gets no answer by "
        "UDP, and does not learn that TCP would do");
}
END_TEST

START_TEST(sections_in_any_order)
{
    must_parse("zones: [{name: b.example, file: b}, {name: a.example, file: a},\n"
               "        {name: z.a.example, file: z, policy: none}, {name: '.', file: root}]\n"
               "policies: [{name: default, keystore: hsm}]\n"
               "keystores: [{name: hsm, module: /m.so, uri: 'pkcs11:token=t'}]\n" SERVER);
    ck_assert_str_eq(heard.text, "");
    ck_assert_uint_eq(config.zone_count, 4);
    /* Canonical order: an ancestor before what is below it. */
    ck_assert_str_eq(config.zones[0].file, "/etc/avow/root");
    ck_assert_str_eq(config.zones[1].file, "/etc/avow/a");
    ck_assert_str_eq(config.zones[2].file, "/etc/avow/z");
    ck_assert_str_eq(config.zones[3].file, "/etc/avow/b");
    ck_assert_ptr_null(config.zones[2].policy);
    ck_assert_ptr_eq(config.zones[3].policy, &config.policies[0]);
    ck_assert_ptr_null(config.keystores[0].pin_file);
    struct name name;
    for (size_t i = 0; i < config.zone_count; i++)
        ck_assert_ptr_eq(config_zone_find(&config, &config.zones[i].name), &config.zones[i]);
    ck_assert_int_eq(name_from_string("c.example", &name), RESULT_OK);
    ck_assert_ptr_null(config_zone_find(&config, &name));
}
END_TEST

START_TEST(empty_sections)
{
    must_parse(SERVER "keystores:\npolicies: []\ntsig: ~\nzones:\nrate-limit:\n");
    ck_assert_str_eq(heard.text, "");
    ck_assert_uint_eq(config.zone_count + config.keystore_count + config.tsig_count, 0);
    ck_assert_uint_eq(config.rate_limit.slip, 2);
}
END_TEST

START_TEST(texts_and_targets)
{
    must_parse("server: {listen: [0.0.0.0], log: {target: log/avow, level: DEBUG},\n"
               "  identity: off, version: 'a \"b\"', store-size: 1T,\n"
               "  tcp: {idle: PT1M, per-address: 100, per-network: 200}}\n");
    ck_assert_ptr_null(config.server.identity);
    ck_assert_str_eq(config.server.version, "a \"b\"");
    ck_assert_int_eq(config.server.log_target, CONFIG_LOG_FILE);
    ck_assert_str_eq(config.server.log_file, "/etc/avow/log/avow");
    ck_assert_int_eq(config.server.log_level, LOG_LEVEL_DEBUG);
    ck_assert_uint_eq(config.server.store_size, UINT64_C(1) << 40);
    ck_assert_uint_eq(config.server.tcp_idle, 60);
    ck_assert_uint_eq(config.server.tcp_per_address, 100);
    ck_assert_uint_eq(config.server.tcp_per_network, 200);
    ck_assert_uint_eq(config.server.listen[0].port, 53);
}
END_TEST

START_TEST(pin_source_is_a_pin_file)
{
    must_parse(SERVER
               "keystores:\n"
               "  - {name: a, module: m, uri: 'pkcs11:token=a?pin-source=file:/run/a%20b'}\n"
               "  - {name: b, module: m, uri: 'pkcs11:token=a?pin-source=file:///run/b'}\n"
               "  - {name: c, module: m, uri: 'pkcs11:token=a;serial=1?pin-source=file:c'}\n");
    ck_assert_str_eq(config.keystores[0].pin_file, "/run/a b");
    ck_assert_str_eq(config.keystores[1].pin_file, "/run/b");
    ck_assert_str_eq(config.keystores[2].pin_file, "/etc/avow/c");
}
END_TEST

START_TEST(relative_path_of_the_file)
{
    const char *text = SERVER "zones: [{name: a, file: a, policy: none}]\n";
    const struct config_source source = {.path = "x/y.yaml", .text = text, .length = strlen(text)};
    struct complaints complaints = {.take = hear, .context = &heard};
    char expected[4200], *here = getcwd(NULL, 0);

    ck_assert_int_eq(config_parse(&config, &source, CONFIG_TEXT, &complaints), RESULT_OK);
    (void)snprintf(expected, sizeof(expected), "%s/x/a", here);
    ck_assert_str_eq(config.zones[0].file, expected);
    (void)snprintf(expected, sizeof(expected), "%s/x/y.yaml", here);
    ck_assert_str_eq(config.file, expected);
    free(here);
}
END_TEST

static const struct {
    const char *prefix, *address;
    bool holds;
} prefixes[] = {
    {"192.0.2.0/24", "192.0.2.255", true},
    {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.128/25", "192.0.2.127", false},
    {"192.0.2.128/25", "192.0.2.128", true},
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.1", "192.0.2.0", false},
    {"0.0.0.0/0", "255.0.0.1", true},
    {"0.0.0.0/0", "::1", false},
    {"2001:db8::/32", "2001:db8:1::", true},
    {"2001:db8::/33", "2001:db8:8000::", false},
    /* IPv4 in the clothes of IPv6. */
    {"192.0.2.0/24", "::ffff:192.0.2.9", true},
    {"192.0.2.0/24", "::ffff:192.0.3.9", false},
    {"::ffff:192.0.2.0/120", "192.0.2.9", true},
    {"::ffff:192.0.2.0/120", "192.0.3.9", false},
    {"::ffff:192.0.2.0/120", "::ffff:192.0.2.9", true},
    {"::ffff:0.0.0.0/96", "10.0.0.1", true},
    {"::/0", "::ffff:192.0.2.9", false},
    {"::/0", "::192.0.2.9", true},
    {"::/0", "192.0.2.9", false},
    {"0.0.0.0/0", "::ffff:192.0.2.9", true},
    {"192.0.2.0/24", "::192.0.2.9", false},
    {"::fffe:0.0.0.0/95", "192.0.2.9", false},
};

START_TEST(prefix_holds)
{
    char text[512];
    (void)snprintf(text, sizeof(text), "server: {listen: ['%s']}\nrate-limit: {exempt: ['%s']}\n",
                   prefixes[_i].address, prefixes[_i].prefix);
    must_parse(text);
    const struct config_address *address = &config.server.listen[0];
    ck_assert_msg(config_prefix_holds(&config.rate_limit.exempt[0], address->family,
                                      address->octets) == prefixes[_i].holds,
                  "%s in %s", prefixes[_i].address, prefixes[_i].prefix);
    const struct config_prefix every = {.family = 0};
    ck_assert(config_prefix_holds(&every, address->family, address->octets));
}
END_TEST

static const struct {
    const char *text;
    uint32_t seconds;
} durations[] = {
    {"0", 0},         {"604800", 604800},  {"1s", 1},       {"1h30m", 5400},
    {"1w1d", 691200}, {"1D", 86400},       {"P1D", 86400},  {"PT1H", 3600},
    {"P1W", 604800},  {"P1DT12H", 129600}, {"PT1M30S", 90}, {"7d", 604800},
};

START_TEST(duration)
{
    char text[512];
    (void)snprintf(text, sizeof(text),
                   SERVER "keystores: [{name: default, module: m, uri: 'pkcs11:token=t'}]\n"
                          "policies: [{name: p, ksk-lifetime: %s}]\n",
                   durations[_i].text);
    must_parse(text);
    ck_assert_msg(config.policies[0].ksk_lifetime == durations[_i].seconds, "%s: %u",
                  durations[_i].text, config.policies[0].ksk_lifetime);
}
END_TEST

static const char *const samples[] = {"etc/avow.yaml", "keys/policies.yaml"};

START_TEST(committed_samples)
{
    struct complaints complaints = {.take = hear, .context = &heard};

    ck_assert_msg(config_load(&config, samples[_i], CONFIG_TEXT, &complaints) == RESULT_OK,
                  "%s (run at the top of the tree): %s", samples[_i], heard.text);
    ck_assert_uint_eq(complaints.warnings, 0);
}
END_TEST

START_TEST(many_zones)
{
    struct buffer text = {.octets = NULL};
    const struct config_source *source;

    buffer_text(&text, SERVER "zones:\n");
    for (unsigned i = 0; i < 20000; i++)
        buffer_format(&text, "  - {name: z%u.example, file: z%u, policy: none}\n", i, i);
    source = &(struct config_source){
        .path = "/etc/avow/avow.yaml", .text = text.octets, .length = text.length};
    struct complaints complaints = {.take = hear, .context = &heard};
    ck_assert_int_eq(config_parse(&config, source, CONFIG_TEXT, &complaints), RESULT_OK);
    ck_assert_uint_eq(config.zone_count, 20000);
    for (size_t i = 1; i < config.zone_count; i++)
        ck_assert_int_lt(name_compare(&config.zones[i - 1].name, &config.zones[i].name), 0);
    buffer_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/good");
    TCase *meaning = tcase_create("meaning");

    tcase_add_checked_fixture(meaning, NULL, free_config);
    tcase_add_test(meaning, sample_server);
    tcase_add_test(meaning, sample_keys);
    tcase_add_test(meaning, sample_zone);
    tcase_add_test(meaning, sample_says_what_is_inactive);
    tcase_add_test(meaning, update_rules);
    tcase_add_loop_test(meaning, zone_settings, 0, COUNT(settings));
    tcase_add_loop_test(meaning, loading, 0, COUNT(loads));
    tcase_add_test(meaning, limits);
    tcase_add_test(meaning, rate_limits);
    tcase_add_test(meaning, sections_in_any_order);
    tcase_add_test(meaning, empty_sections);
    tcase_add_test(meaning, texts_and_targets);
    tcase_add_test(meaning, pin_source_is_a_pin_file);
    tcase_add_test(meaning, relative_path_of_the_file);
    tcase_add_loop_test(meaning, prefix_holds, 0, COUNT(prefixes));
    tcase_add_loop_test(meaning, duration, 0, COUNT(durations));
    tcase_add_loop_test(meaning, committed_samples, 0, COUNT(samples));
    tcase_add_test(meaning, many_zones);
    suite_add_tcase(suite, meaning);
    return run_suite(suite);
}
