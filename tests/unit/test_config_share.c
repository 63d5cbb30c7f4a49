/* test_config_share.c - what each room is told, and that no share holds a secret of another's. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avow/config/grants.h"
#include "avow/config/share.h"
#include "config_support.h"
#include "support.h"

#define PIN      "pin-7c1d40"
#define SECRET   "0123456789abcdef0123456789abcdef" /* what the base64 below stands for */
#define BASE64   "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define INLINE   "fedcba9876543210"
#define INLINE64 "ZmVkY2JhOTg3NjU0MzIxMA=="

#define THIRD   "ninth-legion-of-spain"
#define THIRD64 "bmludGgtbGVnaW9uLW9mLXNwYWlu"

#define NEW          "new-cookie-key-1"
#define OLD          "old-cookie-key-2"
#define ODD          "odd-cookie-key-3"
#define CERTIFICATE  "the certificate, which all may know"
#define LOCK         "the key, which belongs to the veil"
#define NOTARY       "who vouches for clients"
#define THIRTY_TWO   "the SHA-256 of somebody's key 32"
#define THIRTY_TWO64 "dGhlIFNIQS0yNTYgb2Ygc29tZWJvZHkncyBrZXkgMzI="
#define SEAL         "seal-of-16-octet"
#define NEW16        "6e65772d636f6f6b69652d6b65792d31"
#define OLD16        "6F6C642D636F6F6B69652D6B65792D32"
#define ODD16        "6f64642d636f6f6b69652d6b65792d33"

static const char text[] =
    "server: {listen: [127.0.0.1@5300, '::1@5300'], state: /state, control: /run/control.sock,\n"
    "         pid-file: /run/avowd.pid, workers: 3, identity: me, version: off,"
    "         cookies: {require: always, secret-files: [baker, jar]},"
    "         tcp: {per-address: 1077, per-network: 1099},"
    "         tls: {listen: [127.0.0.1@8853], certificate-file: cert, key-file: lock,"
    "               client-ca-file: notary, clients: 52428}, scrub: 90m}\n"
    "keystores: [{name: hsm, module: /lib/module.so, uri: 'pkcs11:token=t', pin-file: pin,\n"
    "             environment: {A: b, C: ./d}, sessions: 5},\n"
    "            {name: other, module: /lib/other.so, uri: 'pkcs11:token=o'}]\n"
    "tsig: [{name: file.example, secret-file: key},\n"
    "       {name: text.example, algorithm: hmac-sha512, secret: " INLINE64 "},\n"
    "       {name: s.a.example, secret-file: key3}]\n"
    "policies: [{name: p, keystore: hsm, algorithm: rsasha256, rsa-size: 3072, keys: csk,\n"
    "            denial: nsec, verify-signatures: always, signature-validity: 20d},\n"
    "           {name: q, keystore: other, nsec3: {opt-out: on, salt-length: 4}}]\n"
    "zones:\n"
    "  - {name: a.example, file: /zones/a, policy: q,\n"
    "     allow-transfer: [{key: file.example}, {address: 192.0.2.0/24, insecure: on}],\n"
    "     allow-update: [{key: text.example, types: [TXT], names: [{subdomain: u.a.example}]},\n"
    "                    {key: s.a.example, address: 10.0.0.0/8, records-per-name: 9,\n"
    "                     names: [{wildcard: '*.w.a.example'}, {self: subdomain}]}],\n"
    "     notify: [{address: 192.0.2.1@99, key: text.example}]}\n"
    "  - {name: b.example, file: /zones/b, policy: none, serial: date, zone-file: write,\n"
    "     transfer-tls-only: on, allow-transfer: [{tls: on, certificate-pin: " THIRTY_TWO64 ",\n"
    "       certificate-name: s.example}],\n"
    "     reload: merge, rate-limit: off, journal: {size: 1M, depth: 3}, zonemd: require, "
    "publish-zonemd: sha512,\n"
    "     reload-check: {largest-deletion: 7, free-deletions: 8, apex: no},\n"
    "     hook: {program: /bin/true, arguments: [secret], user: root}}\n"
    "transfers: {total: 11, per-peer: 12, idle: 13, longest: 14, clients: 61166}\n"
    "updates: {queue: 56797, queue-size: 16M, deadline: 17}\n"
    "rate-limit: {responses-per-second: 7, slip: 3, leak: 12, window: 18, dry-run: on,\n"
    "             classes: {error: 19}, exempt: [192.0.2.0/24, '2001:db8::/32']}\n";

static char *folder;
static struct config config, back;
static struct buffer share;

static void write_file(const char *name, mode_t mode, const char *what)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)unlink(path); /* it may be one that its owner cannot write */
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, what, strlen(what)), (ssize_t)strlen(what));
    ck_assert_int_eq(fchmod(file, mode), 0);
    ck_assert_int_eq(close(file), 0);
}

static enum result load(enum config_depth depth, struct heard *heard)
{
    char path[256];
    struct complaints complaints = {.take = hear, .context = heard};

    heard->length = 0;
    heard->text[0] = '\0';
    (void)snprintf(path, sizeof(path), "%s/avow.yaml", folder);
    return config_load(&config, path, depth, &complaints);
}

static void prepare(void)
{
    struct heard heard = {.excerpts = false};

    folder = folder_make();
    write_file("pin", 0600, PIN "\nsecond line\n");
    write_file("key", 0400,
               "key \"File.example.\" { // comment\n  algorithm hmac-sha256; /* \" */\n"
               "  secret \"" BASE64 "\";\n};\n");
    write_file("key3", 0600, THIRD64);
    write_file("baker", 0600, "# since Monday\n" NEW16 "\n" OLD16 "\n");
    write_file("jar", 0400, ODD16);
    write_file("cert", 0644, CERTIFICATE);
    write_file("lock", 0600, LOCK);
    write_file("notary", 0644, NOTARY);
    write_file("avow.yaml", 0600, text);
    ck_assert_msg(load(CONFIG_SECRETS, &heard) == RESULT_OK, "%s", heard.text);
    memcpy(config.server.tls.seal, SEAL, strlen(SEAL)); /* as the supervisor does */
}

static void clean_up(void)
{
    buffer_free(&share);
    config_free(&config);
    config_free(&back);
    folder_remove(folder);
}

static void pass(enum share_room room)
{
    ck_assert_int_eq(share_write(&config, room, &share), RESULT_OK);
    uint8_t *octets = exact_copy(share.octets, share.length);
    ck_assert_int_eq(share_read(octets, share.length, &back), RESULT_OK);
    free(octets); /* nothing that was read points into it */
}

static bool holds(const char *what)
{
    return memmem(share.octets, share.length, what, *what ? strlen(what) : 8) != NULL;
}

START_TEST(secrets_are_loaded)
{
    ck_assert_uint_eq(config.keystores[0].pin_length, strlen(PIN));
    ck_assert_mem_eq(config.keystores[0].pin, PIN, strlen(PIN));
    ck_assert_uint_eq(config.tsig[0].secret_length, strlen(SECRET));
    ck_assert_mem_eq(config.tsig[0].secret, SECRET, strlen(SECRET));
    ck_assert_uint_eq(config.tsig[1].secret_length, strlen(INLINE));
    ck_assert_mem_eq(config.tsig[1].secret, INLINE, strlen(INLINE));
    ck_assert_uint_eq(config.server.cookies.secret_count, 3);
    ck_assert_mem_eq(config.server.cookies.secrets, NEW OLD ODD, 3 * strlen(NEW));

    const uint8_t *pin = config.keystores[0].pin;
    const uint8_t *cookie = config.server.cookies.secrets->octets;
    config_wipe_secrets(&config);
    ck_assert_ptr_null(config.keystores[0].pin);
    ck_assert_ptr_null(config.tsig[1].secret);
    ck_assert_ptr_null(config.server.cookies.secrets);
    ck_assert_uint_eq(pin[0] | pin[1] | pin[2], 0); /* the arena still owns it */
    ck_assert_uint_eq(cookie[0] | cookie[15] | cookie[47], 0);
}
END_TEST

START_TEST(a_check_keeps_no_secret)
{
    struct heard heard = {.excerpts = false};

    config_free(&config);
    ck_assert_int_eq(load(CONFIG_FILES, &heard), RESULT_OK);
    ck_assert_ptr_null(config.keystores[0].pin);
    ck_assert_ptr_null(config.tsig[0].secret);
    ck_assert_ptr_null(config.tsig[1].secret);
    ck_assert_ptr_null(config.server.cookies.secrets);
}
END_TEST

/* Which room may hold which octets: everything that somebody must not know stands here. */
static const struct {
    const char *what; /* 8 octets when it begins with a NUL: a number */
    bool allowed[SHARE_ROOMS];
} rights[] = {
    {PIN, {[SHARE_SIGNER] = true}},
    {"pkcs11:token=t", {[SHARE_SIGNER] = true}},
    {"/lib/module.so", {[SHARE_SIGNER] = true}},
    {SECRET, {[SHARE_DESK] = true}},
    {BASE64, {false}},
    {INLINE, {[SHARE_DESK] = true}},
    {INLINE64, {false}},
    {NEW, {[SHARE_FRONT] = true}},
    {ODD, {[SHARE_FRONT] = true}},
    {NEW16, {false}},
    {OLD16, {false}},
    {"/baker", {false}},
    {"\4text\7example", {[SHARE_DESK] = true}},
    {THIRD, {[SHARE_DESK] = true}},
    {THIRD64, {false}},
    {"\1s\1a\7example", {[SHARE_DESK] = true, [SHARE_KEEPER] = true}},
    {"\1u\1a\7example", {[SHARE_DESK] = true, [SHARE_KEEPER] = true}},
    {"\1*\1w\1a\7example", {[SHARE_DESK] = true, [SHARE_KEEPER] = true}},
    {"hmac-sha512", {[SHARE_DESK] = true}},
    {"\0\0\0\0\0\0\0\x63", {[SHARE_DESK] = true, [SHARE_KEEPER] = true}},   /* port 99 */
    {"\0\0\0\0\0\0\xee\xee", {[SHARE_DESK] = true}},                        /* transfers.clients */
    {"\0\0\0\0\0\0\xdd\xdd", {[SHARE_DESK] = true, [SHARE_KEEPER] = true}}, /* updates.queue */
    {"/zones/a", {[SHARE_KEEPER] = true}},
    {LOCK, {[SHARE_VEIL] = true}},
    {CERTIFICATE, {[SHARE_VEIL] = true}},
    {NOTARY, {[SHARE_VEIL] = true}},
    {SEAL, {[SHARE_VEIL] = true, [SHARE_DESK] = true}},
    {"\0\0\0\0\0\0\xcc\xcc", {[SHARE_VEIL] = true}}, /* server.tls.clients */
    {"/lock", {false}},
    {"/state", {true, true, true, true, true}},
    {"/run/control.sock", {false}},
    {"/run/avowd.pid", {false}},
    {"second line", {false}},
    {"\1a\7example", {true, true, true, true}},
};

START_TEST(each_room_knows_its_own)
{
    for (unsigned room = 0; room < SHARE_ROOMS; room++) {
        buffer_clear(&share);
        ck_assert_int_eq(share_write(&config, (enum share_room)room, &share), RESULT_OK);
        ck_assert_msg(holds(rights[_i].what) == rights[_i].allowed[room], "%s, room %u",
                      rights[_i].what, room);
    }
}
END_TEST

static void same_server(void)
{
    const struct config_server *a = &config.server, *b = &back.server;
    char first[CONFIG_ADDRESS_TEXT], second[CONFIG_ADDRESS_TEXT];

    ck_assert_uint_eq(b->listen_count, 2);
    for (size_t i = 0; i < 2; i++)
        ck_assert_str_eq(config_address_to_text(&a->listen[i], first),
                         config_address_to_text(&b->listen[i], second));
    ck_assert_uint_eq(b->workers, 3);
    ck_assert_str_eq(b->identity, "me");
    ck_assert_ptr_null(b->version);
    ck_assert_uint_eq(b->store_size, a->store_size);
    ck_assert_uint_eq(b->scrub, 5400);
    ck_assert_uint_eq(b->udp_payload, 1232);
    ck_assert_uint_eq(b->tcp_clients, 1000);
    ck_assert_uint_eq(b->tcp_per_address, 1077);
    ck_assert_uint_eq(b->tcp_per_network, 1099);
    ck_assert_uint_eq(b->tcp_idle, 10);
    ck_assert_uint_eq(b->tcp_pipeline, 64);
    ck_assert_int_eq(b->log_level, LOG_LEVEL_INFO);
    ck_assert_uint_eq(back.zone_count, 2);
    for (size_t i = 0; i < 2; i++)
        ck_assert(name_equal(&back.zones[i].name, &config.zones[i].name));
    ck_assert_ptr_eq(back.zones[0].policy, &back.policies[1]);
    ck_assert_ptr_null(back.zones[1].policy);
}

static void same_policies(void)
{
    const struct config_policy *p = &back.policies[0], *q = &back.policies[1];

    ck_assert_str_eq(p->name, "p");
    ck_assert_ptr_eq(p->keystore, &back.keystores[0]);
    ck_assert_uint_eq(p->algorithm, 8);
    ck_assert_uint_eq(p->rsa_size, 3072);
    ck_assert_int_eq(p->keys, CONFIG_KEYS_CSK);
    ck_assert_uint_eq(p->signature_validity, 20 * 86400);
    ck_assert_int_eq(p->denial, CONFIG_DENIAL_NSEC);
    ck_assert_int_eq(p->verify_signatures, CONFIG_VERIFY_ALWAYS);
    ck_assert_ptr_eq(q->keystore, &back.keystores[1]);
    ck_assert_uint_eq(q->zsk_lifetime, 90 * 86400);
    ck_assert(q->nsec3_opt_out);
    ck_assert_uint_eq(q->nsec3_salt_length, 4);
}

static void same_updates(void)
{
    ck_assert_uint_eq(back.updates.queue, 56797);
    ck_assert_uint_eq(back.updates.queue_size, 16 << 20);
    ck_assert_uint_eq(back.updates.deadline, 17);
}

START_TEST(signer)
{
    pass(SHARE_SIGNER);
    same_server();
    same_policies();
    const struct config_keystore *keystore = &back.keystores[0];

    ck_assert_uint_eq(back.keystore_count, 2);
    ck_assert_str_eq(keystore->module, "/lib/module.so");
    ck_assert_str_eq(keystore->uri, "pkcs11:token=t");
    ck_assert_uint_eq(keystore->pin_length, strlen(PIN));
    ck_assert_mem_eq(keystore->pin, PIN, strlen(PIN));
    ck_assert_ptr_null(keystore->pin_file);
    ck_assert_uint_eq(keystore->sessions, 5);
    ck_assert_uint_eq(keystore->environment_count, 2);
    ck_assert_str_eq(keystore->environment[1].name, "C");
    ck_assert_ptr_null(back.keystores[1].pin);
    ck_assert_uint_eq(back.tsig_count, 0);
    ck_assert_str_eq(back.server.state, "/state");
}
END_TEST

START_TEST(keeper)
{
    pass(SHARE_KEEPER);
    same_server();
    same_policies();
    ck_assert_str_eq(back.keystores[0].name, "hsm");
    ck_assert_ptr_null(back.keystores[0].uri);
    ck_assert_ptr_null(back.keystores[0].pin);
    ck_assert_str_eq(back.zones[0].file, "/zones/a");
    ck_assert_str_eq(back.server.state, "/state");
    const struct config_zone *a = &back.zones[0], *b = &back.zones[1];
    ck_assert_uint_eq(back.tsig_count + a->allow_transfer_count + b->allow_update_count, 0);
    ck_assert_int_eq(a->serial, CONFIG_SERIAL_INCREMENT);
    ck_assert_int_eq(a->zone_file, CONFIG_ZONE_FILE_READ);
    ck_assert_int_eq(a->reload, CONFIG_RELOAD_ASK);
    ck_assert_uint_eq(a->journal_size, 16 << 20);
    ck_assert_uint_eq(a->journal_depth, 10000);
    ck_assert_int_eq(b->serial, CONFIG_SERIAL_DATE);
    ck_assert_int_eq(b->zone_file, CONFIG_ZONE_FILE_WRITE);
    ck_assert_int_eq(b->reload, CONFIG_RELOAD_MERGE);
    ck_assert_uint_eq(b->journal_size, 1 << 20);
    ck_assert_uint_eq(b->journal_depth, 3);
    ck_assert_uint_eq(b->reload_check.largest_deletion, 7);
    ck_assert_uint_eq(b->reload_check.free_deletions, 8);
    ck_assert(!b->reload_check.apex && a->reload_check.apex);
    ck_assert_int_eq(b->zonemd, CONFIG_ZONEMD_REQUIRE);
    ck_assert_int_eq(b->publish_zonemd, CONFIG_DIGEST_SHA512);
    ck_assert_int_eq(a->publish_zonemd, CONFIG_DIGEST_OFF);
    /* That there is a hook, whether it is the same as before, and nothing of it. */
    ck_assert_ptr_null(a->hook.program);
    ck_assert_uint_eq(a->hook.settings, 0);
    ck_assert_uint_ne(b->hook.settings, 0);
    ck_assert_str_eq(b->hook.program, "");
    ck_assert_ptr_null(b->hook.user);
    ck_assert_uint_eq(b->hook.argument_count, 0);
    ck_assert_uint_eq(a->notify_count, 1);
    ck_assert_uint_eq(a->notify[0].address.port, 99);
    ck_assert_ptr_null(a->notify[0].key);
    /* What of the zone may be changed, and nobody who could. */
    const uint8_t address[4] = {10, 0, 0, 1};
    const struct config_peer peer = {.key = &config.tsig[2], .family = 4, .address = address};
    ck_assert(config_update_allowed(&config.zones[0], &peer));
    ck_assert_uint_eq(a->allow_update_count, 2);
    ck_assert(!config_update_allowed(a, &peer));
    same_updates();
    ck_assert_uint_eq(back.transfers.total, 0);
}
END_TEST

static uint64_t told_of_hook(void)
{
    buffer_clear(&share);
    config_free(&back);
    pass(SHARE_KEEPER);
    return back.zones[1].hook.settings;
}

START_TEST(a_change_of_a_hook)
{
    struct config_hook *hook = &config.zones[1].hook;
    uint64_t before = told_of_hook();
    char **arguments = hook->arguments;
    char other[] = "other";

    ck_assert_uint_eq(told_of_hook(), before);
    hook->deadline++;
    ck_assert_uint_ne(told_of_hook(), before);
    hook->deadline--;
    hook->argument_count = 0;
    ck_assert_uint_ne(told_of_hook(), before);
    hook->argument_count = 1;
    hook->arguments = (char *[]){other};
    ck_assert_uint_ne(told_of_hook(), before);
    hook->arguments = arguments;
    hook->user = NULL;
    ck_assert_uint_ne(told_of_hook(), before);
    hook->user = other;
    ck_assert_uint_ne(told_of_hook(), before);
    hook->program = other;
    ck_assert_uint_ne(told_of_hook(), before);
}
END_TEST

START_TEST(desk)
{
    pass(SHARE_DESK);
    same_server();
    const struct config_zone *zone = &back.zones[0];

    ck_assert_uint_eq(back.tsig_count, 3);
    ck_assert_mem_eq(back.tsig[0].secret, SECRET, strlen(SECRET));
    ck_assert_str_eq(back.tsig[1].algorithm, "hmac-sha512");
    ck_assert_uint_eq(back.tsig[1].secret_length, strlen(INLINE));
    ck_assert_uint_eq(zone->allow_transfer_count, 2);
    ck_assert_ptr_eq(zone->allow_transfer[0].key, &back.tsig[0]);
    ck_assert_uint_eq(zone->allow_transfer[1].address.length, 24);
    ck_assert(zone->allow_transfer[1].insecure && !zone->allow_transfer[0].insecure);
    ck_assert_uint_eq(zone->allow_update_count, 2);
    ck_assert_int_eq(zone->allow_update[0].names[0].scope, CONFIG_SCOPE_SUBDOMAIN);
    ck_assert_uint_eq(zone->allow_update[0].records_per_name, 0);
    ck_assert_ptr_eq(zone->allow_update[1].key, &back.tsig[2]);
    ck_assert_uint_eq(zone->allow_update[1].records_per_name, 9);
    ck_assert_uint_eq(zone->allow_update[1].address.length, 8);
    ck_assert_int_eq(zone->allow_update[1].names[0].scope, CONFIG_SCOPE_WILDCARD);
    ck_assert(name_equal(&zone->allow_update[1].names[0].name,
                         &config.zones[0].allow_update[1].names[0].name));
    ck_assert_int_eq(zone->allow_update[1].names[1].scope, CONFIG_SCOPE_SELF_SUBDOMAIN);
    same_updates();
    ck_assert_uint_eq(back.transfers.total, 11);
    ck_assert_uint_eq(back.transfers.per_peer, 12);
    ck_assert_uint_eq(back.transfers.idle, 13);
    ck_assert_uint_eq(back.transfers.longest, 14);
    ck_assert_uint_eq(back.transfers.clients, 61166);
    ck_assert_uint_eq(back.zones[1].journal_size, 0);
    ck_assert_uint_eq(zone->allow_update[0].types[0], 16);
    ck_assert_uint_eq(zone->notify[0].address.port, 99);
    ck_assert_ptr_eq(zone->notify[0].key, &back.tsig[1]);
    ck_assert_uint_eq(back.keystore_count, 0);
    ck_assert_ptr_null(back.policies[0].keystore);
    ck_assert_ptr_null(zone->file);
}
END_TEST

START_TEST(front)
{
    pass(SHARE_FRONT);
    same_server();
    ck_assert_uint_eq(back.tsig_count + back.keystore_count, 0);
    ck_assert_uint_eq(back.zones[0].notify_count + back.zones[0].allow_update_count, 0);
    ck_assert_uint_eq(back.transfers.total + back.updates.queue, 0);
    ck_assert_int_eq(back.policies[0].denial, CONFIG_DENIAL_NSEC);
    ck_assert(back.server.cookies.enabled);
    ck_assert_int_eq(back.server.cookies.require, CONFIG_COOKIES_ALWAYS);
    ck_assert_uint_eq(back.server.cookies.secret_count, 3);
    ck_assert_mem_eq(back.server.cookies.secrets, NEW OLD ODD, 3 * strlen(NEW));
    ck_assert_uint_eq(back.server.cookies.secret_file_count, 0);
    ck_assert_uint_eq(back.rate_limit.responses_per_second, 7);
    ck_assert_uint_eq(back.rate_limit.slip, 3);
    ck_assert_uint_eq(back.rate_limit.leak, 12);
    ck_assert_uint_eq(back.rate_limit.window, 18);
    ck_assert(back.rate_limit.dry_run);
    ck_assert_uint_eq(back.rate_limit.classes[CONFIG_CLASS_NODATA], 7);
    ck_assert_uint_eq(back.rate_limit.classes[CONFIG_CLASS_ERROR], 19);
    ck_assert(back.zones[0].rate_limit && !back.zones[1].rate_limit);
    ck_assert_uint_eq(back.rate_limit.exempt_count, 2);
    ck_assert_uint_eq(back.rate_limit.exempt[1].length, 32);
}
END_TEST

START_TEST(the_veil_gets_what_it_needs)
{
    const struct config_tls *tls = &back.server.tls;

    pass(SHARE_VEIL);
    ck_assert_uint_eq(tls->listen_count, 1);
    ck_assert_uint_eq(tls->listen[0].port, 8853);
    ck_assert_uint_eq(tls->clients, 52428);
    ck_assert_uint_eq(tls->certificate_length, strlen(CERTIFICATE));
    ck_assert_mem_eq(tls->certificate, CERTIFICATE, strlen(CERTIFICATE));
    ck_assert_mem_eq(tls->key, LOCK, strlen(LOCK));
    ck_assert_mem_eq(tls->client_ca, NOTARY, strlen(NOTARY));
    ck_assert_mem_eq(tls->seal, SEAL, strlen(SEAL));
    ck_assert_uint_eq(back.zone_count, 0);
    const uint8_t *key = tls->key;
    config_wipe_secrets(&back);
    ck_assert_ptr_null(tls->key);
    ck_assert_uint_eq(key[0] | key[5] | tls->seal[0], 0);
}
END_TEST

START_TEST(demands_of_tls_are_passed_on)
{
    pass(SHARE_DESK);
    const struct config_acl_entry *entry = &back.zones[1].allow_transfer[0];
    ck_assert(entry->tls);
    ck_assert_mem_eq(entry->certificate_pin, THIRTY_TWO, CONFIG_PIN_OCTETS);
    ck_assert(
        name_equal(entry->certificate_name, config.zones[1].allow_transfer[0].certificate_name));
    ck_assert(back.zones[1].transfer_tls_only && !back.zones[0].transfer_tls_only);
}
END_TEST

START_TEST(damaged_shares_are_refused)
{
    for (unsigned room = 0; room < SHARE_ROOMS; room++) {
        buffer_clear(&share);
        ck_assert_int_eq(share_write(&config, (enum share_room)room, &share), RESULT_OK);
        for (size_t length = 0; length < share.length; length++) {
            uint8_t *octets = exact_copy(share.octets, length);
            ck_assert_int_eq(share_read(octets, length, &back), RESULT_FORMAT);
            ck_assert_ptr_null(back.memory);
            free(octets);
        }
        buffer_u8(&share, 0); /* left over */
        ck_assert_int_eq(share_read(share.octets, share.length, &back), RESULT_FORMAT);
        share.octets[0] ^= 1; /* another version */
        ck_assert_int_eq(share_read(share.octets, share.length - 1, &back), RESULT_FORMAT);
    }
}
END_TEST

/* Files that must not be used. */
static const struct {
    const char *what, *file;
    mode_t mode;
    const char *content, *heard;
} files[] = {
    {"a PIN for the group", "pin", 0640, PIN,
     "3:82: error: F/pin can be read or written by others than its owner; allowed is at most mode "
     "0600"},
    {"an empty PIN", "pin", 0600, "\n1234\n", "3:82: error: F/pin holds no PIN in its first line"},
    {"a key for all", "key", 0644, BASE64,
     "6:42: error: F/key can be read or written by others than its owner; allowed is at most mode "
     "0600"},
    {"bare base64", "key", 0600, "  " BASE64 "\n", ""},
    {"a short secret", "key", 0600, "AAAA\n",
     "6:42: error: F/key holds a secret of 24 bits, which can be guessed; it needs at least 128"},
    {"just short of a secret", "key", 0600, "AAAAAAAAAAAAAAAAAAAA\n",
     "6:42: error: F/key holds a secret of 120 bits, which can be guessed; it needs at least 128"},
    {"just a secret", "key", 0600, "AAAAAAAAAAAAAAAAAAAAAA==\n", ""},
    {"a key of another name", "key", 0600,
     "key x.example { algorithm hmac-sha256; secret \"" BASE64 "\"; };",
     "6:42: error: F/key holds the key 'x.example', which is another one"},
    {"a key of another algorithm", "key", 0600,
     "key file.example { algorithm hmac-sha1; secret \"" BASE64 "\"; };",
     "6:42: error: F/key holds a key for hmac-sha1, not for hmac-sha256"},
    {"not base64", "key", 0600, "two words",
     "6:42: error: F/key holds no secret: neither base64 nor a key file"},
    {"a cookie secret for all", "jar", 0604, ODD16,
     "2:133: error: F/jar can be read or written by others than its owner; allowed is at most mode "
     "0600"},
    {"no cookie secret", "jar", 0600, "# later\n",
     "2:133: error: F/jar holds no secret: each is 32 hexadecimal digits"},
    {"a cookie secret of 120 bits", "jar", 0600, OLD16 " 0123456789abcdef0123456789abcd",
     "2:133: error: F/jar holds something else than secrets: each is 32 hexadecimal digits"},
    {"a cookie secret of 136 bits", "jar", 0600, "0123456789abcdef0123456789abcdef01",
     "2:133: error: F/jar holds something else than secrets: each is 32 hexadecimal digits"},
    {"no digits", "jar", 0600, "0123456789abcdef0123456789abcdeg",
     "2:133: error: F/jar holds something else than secrets: each is 32 hexadecimal digits"},
    {"eight cookie secrets", "jar", 0600,
     ODD16 " " ODD16 " " ODD16 " " ODD16 " " ODD16 " " ODD16 "\n", ""},
    {"nine cookie secrets", "jar", 0600,
     ODD16 " " ODD16 " " ODD16 " " ODD16 " " ODD16 " " ODD16 "\n" ODD16 "\n",
     "2:133: error: F/jar holds more than the 8 secrets that there may be"},
    {"a key of TLS for the group", "lock", 0640, LOCK,
     "2:267: error: F/lock can be read or written by others than its owner; allowed is at most "
     "mode "
     "0600"},
    {"an empty certificate", "cert", 0644, "", "2:251: error: F/cert is empty"},
    {"a log in a folder that is not there", "avow.yaml", 0600,
     "server: {listen: [127.0.0.1@5300],\n  log: {target: /nowhere/avow.log}}\n",
     "2:9: error: /nowhere/avow.log cannot be written: there is no folder /nowhere"},
    {"a log in a folder that is there", "avow.yaml", 0600,
     "server: {listen: [127.0.0.1@5300],\n  log: {target: avow.log}}\n", ""},
    {"a log that is a folder", "avow.yaml", 0600,
     "server: {listen: [127.0.0.1@5300],\n  log: {target: /tmp}}\n",
     "2:9: error: /tmp is a folder"},
    {"a hook of a user who is not there", "avow.yaml", 0600,
     "server: {listen: [127.0.0.1@5300]}\n"
     "zones: [{name: a, file: f, policy: none, hook: {program: /bin/true, user: nosuch}}]\n",
     "2:42: warning: there is no user 'nosuch' on this system: started as root the daemon would "
     "hold every load of the zone"},
    {"a user of hooks where there is none", "avow.yaml", 0600,
     "server: {listen: [127.0.0.1@5300]}\nzone-defaults: {hook: {user: nosuch}}\n"
     "zones: [{name: a, file: f, policy: none}]\n",
     ""},
    {"an open configuration with a secret", "avow.yaml", 0644, text,
     "7:53: error: others than its owner can read the configuration file, which holds a secret; "
     "use secret-file, or: chmod 0600 F/avow.yaml"},
};

/* Replace the folder's name by F, and drop lines about what is not the case here. */
static void simplify(struct heard *heard, char *simple, size_t size)
{
    size_t used = 0;

    for (char *line = heard->text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (strstr(line, " note: ") || strstr(line, "No such file") || strstr(line, "no effect") ||
            strstr(line, "salt"))
            continue;
        char *place = strstr(line, folder);
        used += (size_t)snprintf(simple + used, size - used, "%s%.*s%s%s", used ? "\n" : "",
                                 place ? (int)(place - line) : (int)strlen(line), line,
                                 place ? "F" : "", place ? place + strlen(folder) : "");
    }
    simple[used] = '\0';
}

START_TEST(files_are_judged)
{
    struct heard heard = {.excerpts = false};
    char simple[4096];

    config_free(&config);
    write_file(files[_i].file, files[_i].mode, files[_i].content);
    enum result expected = strstr(files[_i].heard, "error") ? RESULT_FORMAT : RESULT_OK;
    ck_assert_msg(load(CONFIG_FILES, &heard) == expected, "%s: %s", files[_i].what, heard.text);
    simplify(&heard, simple, sizeof(simple));
    ck_assert_msg(!strcmp(simple, files[_i].heard), "%s: heard\n%s\nnot\n%s", files[_i].what,
                  simple, files[_i].heard);
    /* The text alone can be read by whoever may read it, whatever those files are like. */
    config_free(&config);
    ck_assert_int_eq(load(CONFIG_TEXT, &heard), RESULT_OK);
}
END_TEST

START_TEST(a_missing_file)
{
    struct heard heard = {.excerpts = false};
    char path[256];
    struct complaints complaints = {.take = hear, .context = &heard};

    config_free(&config);
    (void)snprintf(path, sizeof(path), "%s/none.yaml", folder);
    ck_assert_int_eq(config_load(&config, path, CONFIG_TEXT, &complaints), RESULT_SYSTEM);
    ck_assert_str_eq(heard.text, "error: cannot be read: No such file or directory");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/share");
    TCase *sharing = tcase_create("sharing");

    tcase_add_checked_fixture(sharing, prepare, clean_up);
    tcase_add_test(sharing, secrets_are_loaded);
    tcase_add_test(sharing, a_check_keeps_no_secret);
    tcase_add_loop_test(sharing, each_room_knows_its_own, 0, COUNT(rights));
    tcase_add_test(sharing, signer);
    tcase_add_test(sharing, keeper);
    tcase_add_test(sharing, a_change_of_a_hook);
    tcase_add_test(sharing, desk);
    tcase_add_test(sharing, front);
    tcase_add_test(sharing, the_veil_gets_what_it_needs);
    tcase_add_test(sharing, demands_of_tls_are_passed_on);
    tcase_add_test(sharing, damaged_shares_are_refused);
    tcase_add_loop_test(sharing, files_are_judged, 0, COUNT(files));
    tcase_add_test(sharing, a_missing_file);
    suite_add_tcase(suite, sharing);
    return run_suite(suite);
}
