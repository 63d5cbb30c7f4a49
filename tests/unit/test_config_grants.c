/* test_config_grants.c - who may transfer a zone, and what of it somebody may change. */
#include <arpa/inet.h>

#include "avow/config/grants.h"
#include "avow/config/share.h"
#include "avow/wire/type.h"
#include "config_support.h"
#include "support.h"

#define PIN   "the SHA-256 of somebody's key 32"
#define PIN64 "dGhlIFNIQS0yNTYgb2Ygc29tZWJvZHkncyBrZXkgMzI="
#define OTHER "the SHA-256 of somebody else's 32"

/* The entries of each kind are told apart by records-per-name. */
static const char text[] =
    "server: {listen: [127.0.0.1@5300], tls: {listen: [127.0.0.1], certificate-file: c,\n"
    "  key-file: k, client-ca-file: a}}\n"
    "tsig:\n"
    "  - {name: all, secret-file: k}\n"
    "  - {name: near, secret-file: k}\n"
    "  - {name: names, secret-file: k}\n"
    "  - {name: types, secret-file: k}\n"
    "  - {name: dnssec, secret-file: k}\n"
    "  - {name: two, secret-file: k}\n"
    "  - {name: Host.dyn.Example, secret-file: k}\n"
    "  - {name: sub.dyn.example, secret-file: k}\n"
    "  - {name: other, secret-file: k}\n"
    "zones:\n"
    "  - name: Example\n"
    "    file: f\n"
    "    policy: none\n"
    "    allow-transfer:\n"
    "      - {key: near, address: 10.0.0.0/8}\n"
    "      - {address: 192.0.2.128/25, insecure: on}\n"
    "      - {address: '2001:db8:8000::/33', insecure: on}\n"
    "      - {key: all}\n"
    "    allow-update:\n"
    "      - {key: all, records-per-name: 1}\n"
    "      - {key: near, address: 10.0.0.0/8, records-per-name: 2}\n"
    "      - {key: names, records-per-name: 3, names: [\n"
    "         {name: One.example}, {subdomain: tree.example}, {wildcard: '*.low.example'},\n"
    "         {name: '*.star.example'}]}\n"
    "      - {key: types, types: [A, TXT], records-per-name: 4}\n"
    "      - {key: dnssec, types: [CDS, CDNSKEY], names: [{name: example}], records-per-name: 5}\n"
    "      - {key: two, types: [A], names: [{name: a.example}], records-per-name: 6}\n"
    "      - {key: two, names: [{subdomain: a.example}], records-per-name: 7}\n"
    "      - {key: host.dyn.example, names: [{self: name}], records-per-name: 8}\n"
    "      - {key: sub.dyn.example, names: [{self: subdomain}], records-per-name: 9}\n"
    "      - {address: '2001:db8::1', insecure: on, types: [TXT], records-per-name: 10}\n"
    "  - {name: closed, file: g, policy: none}\n"
    "  - {name: open, file: h, policy: none, allow-transfer: [{insecure: on}],\n"
    "     allow-update: [{insecure: on, records-per-name: 11}]}\n"
    "  - name: veiled\n"
    "    file: j\n"
    "    policy: none\n"
    "    transfer-tls-only: on\n"
    "    allow-transfer:\n"
    "      - {key: all}\n"
    "      - {certificate-pin: " PIN64 "}\n"
    "      - {certificate-name: Secondary.example, address: 10.0.0.0/8}\n"
    "    allow-update: [{key: near, tls: on}, {key: two, certificate-pin: " PIN64 "}]\n"
    "  - {name: ., file: i, policy: none, allow-update: [\n"
    "     {key: all, names: [{wildcard: '*.'}], records-per-name: 12}]}\n";

static struct config config;

static void parse(void)
{
    struct heard heard = {.excerpts = false};

    ck_assert_msg(parse_text(&config, text, &heard) == RESULT_OK, "%s", heard.text);
    ck_assert_str_eq(heard.text, "");
}

static void free_config(void)
{
    config_free(&config);
}

static const struct config_zone *zone_called(const char *text_)
{
    struct name name;

    ck_assert_int_eq(name_from_string(text_, &name), RESULT_OK);
    const struct config_zone *zone = config_zone_find(&config, &name);
    ck_assert_ptr_nonnull(zone);
    return zone;
}

/* A peer as the desk has it: its key is a copy, with letters in another case. */
struct asker {
    struct config_peer peer;
    struct config_tsig key;
    uint8_t octets[16];
};

static const struct config_peer *asks(struct asker *asker, const char *key, const char *address)
{
    *asker = (struct asker){.peer.address = asker->octets};
    bool six = strchr(address, ':');
    asker->peer.family = six ? 6 : 4;
    ck_assert_int_eq(inet_pton(six ? AF_INET6 : AF_INET, address, asker->octets), 1);
    if (key) {
        ck_assert_int_eq(name_from_string(key, &asker->key.name), RESULT_OK);
        asker->peer.key = &asker->key;
    }
    return &asker->peer;
}

static const struct {
    const char *zone, *key, *address;
    bool transfer, update;
} peers[] = {
    {"example", NULL, "9.9.9.9", false, false},
    {"example", "all", "9.9.9.9", true, true},
    {"example", "ALL", "2001:db8::2", true, true},
    {"example", "other", "9.9.9.9", false, false},
    {"example", "all.example", "9.9.9.9", false, false},
    {"example", "near", "10.255.255.255", true, true},
    {"example", "near", "11.0.0.0", false, false},
    {"example", "near", "::ffff:10.1.2.3", true, true},
    {"example", "near", "::10.1.2.3", false, false},
    {"example", NULL, "10.0.0.1", false, false},
    {"example", "other", "10.0.0.1", false, false},
    {"example", NULL, "192.0.2.128", true, false},
    {"example", NULL, "192.0.2.127", false, false},
    {"example", NULL, "::ffff:192.0.2.200", true, false},
    {"example", "other", "192.0.2.128", true, false}, /* a key is no hindrance */
    {"example", NULL, "2001:db8:8000::", true, false},
    {"example", NULL, "2001:db8:7fff::", false, false},
    {"example", NULL, "2001:db8::1", false, true},
    {"example", NULL, "2001:db8::", false, false},
    {"example", "types", "9.9.9.9", false, true},
    {"closed", "all", "10.0.0.1", false, false},
    {"closed", NULL, "192.0.2.128", false, false},
    {"open", NULL, "9.9.9.9", true, true},
    {"open", "other", "::1", true, true},
};

START_TEST(lets_in)
{
    struct asker asker;
    const struct config_zone *zone = zone_called(peers[_i].zone);
    const struct config_peer *peer = asks(&asker, peers[_i].key, peers[_i].address);

    ck_assert_msg(config_transfer_allowed(zone, peer) == peers[_i].transfer,
                  "%s: transfer by %s from %s", peers[_i].zone, peers[_i].key ? peers[_i].key : "-",
                  peers[_i].address);
    ck_assert_msg(config_update_allowed(zone, peer) == peers[_i].update, "%s: update by %s from %s",
                  peers[_i].zone, peers[_i].key ? peers[_i].key : "-", peers[_i].address);
}
END_TEST

/* In the zone `veiled`. */
static const struct {
    const char *key, *address;
    bool tls;
    const char *pin, *name;
    bool transfer, update;
} veiled[] = {
    {"all", "9.9.9.9", false, NULL, NULL, false, false},
    {"all", "9.9.9.9", true, NULL, NULL, true, false},
    {NULL, "9.9.9.9", true, NULL, NULL, false, false},
    {NULL, "9.9.9.9", true, PIN, NULL, true, false},
    {NULL, "9.9.9.9", true, OTHER, NULL, false, false},
    {NULL, "9.9.9.9", false, PIN, NULL, false, false},
    {NULL, "10.0.0.1", true, OTHER, "SECONDARY.example", true, false},
    {NULL, "9.9.9.9", true, OTHER, "secondary.example", false, false},
    {NULL, "10.0.0.1", true, OTHER, "example", false, false},
    {NULL, "10.0.0.1", false, OTHER, "secondary.example", false, false},
    {"near", "9.9.9.9", true, NULL, NULL, false, true},
    {"near", "9.9.9.9", false, NULL, NULL, false, false},
    {"two", "9.9.9.9", true, PIN, NULL, true, true},
    {"two", "9.9.9.9", true, OTHER, NULL, false, false},
};

START_TEST(lets_in_by_tls)
{
    struct asker asker;
    struct name names[2];
    const struct config_zone *zone = zone_called("veiled");

    (void)asks(&asker, veiled[_i].key, veiled[_i].address);
    asker.peer.tls = veiled[_i].tls;
    asker.peer.pin = (const uint8_t *)veiled[_i].pin;
    asker.peer.names = names;
    ck_assert_int_eq(name_from_string("first.example", &names[0]), RESULT_OK);
    if (veiled[_i].name) {
        ck_assert_int_eq(name_from_string(veiled[_i].name, &names[1]), RESULT_OK);
        asker.peer.name_count = 2;
    }
    ck_assert_msg(config_transfer_allowed(zone, &asker.peer) == veiled[_i].transfer, "transfer %d",
                  _i);
    ck_assert_msg(config_update_allowed(zone, &asker.peer) == veiled[_i].update, "update %d", _i);
}
END_TEST

static const struct {
    const char *zone, *key, *owner;
    uint16_t type;
    uint32_t granted; /* by the entry with these records-per-name; 0: by none */
} grants[] = {
    /* A key for everything. */
    {"example", "all", "example", TYPE_SOA, 1},
    {"example", "all", "example", TYPE_NS, 1},
    {"example", "all", "www.EXAMPLE", TYPE_A, 1},
    {"example", "all", "www.example", 65280, 1},
    {"example", "all", "www.example", TYPE_ANY, 1},
    {"example", "all", "example", TYPE_DS, 1},
    {"example", "all", "example", TYPE_DNSKEY, 0},
    {"example", "all", "example", TYPE_CDS, 0},
    {"example", "all", "example", TYPE_CDNSKEY, 0},
    {"example", "all", "example", TYPE_CSYNC, 0},
    {"example", "all", "www.example", TYPE_RRSIG, 0},
    {"example", "all", "www.example", TYPE_NSEC, 0},
    {"example", "all", "www.example", TYPE_NSEC3, 0},
    {"example", "all", "example", TYPE_NSEC3PARAM, 0},
    {"example", "all", "www.example", TYPE_TSIG, 0},
    {"example", "all", "www.example", TYPE_AXFR, 0},
    {"example", "all", "www.example", TYPE_OPT, 0},
    {"example", "all", "www.example", TYPE_NONE, 0},
    {"example", "all", "www.example.com", TYPE_A, 0},
    {"example", "all", ".", TYPE_A, 0},
    {"example", "all", "notexample", TYPE_A, 0},
    {"example", NULL, "www.example", TYPE_A, 0},
    {"example", "other", "www.example", TYPE_A, 0},
    /* Names. */
    {"example", "names", "one.EXAMPLE", TYPE_A, 3},
    {"example", "names", "x.one.example", TYPE_A, 0},
    {"example", "names", "tree.example", TYPE_A, 3},
    {"example", "names", "A.B.Tree.example", TYPE_A, 3},
    {"example", "names", "oak-tree.example", TYPE_A, 0},
    {"example", "names", "low.example", TYPE_A, 0},
    {"example", "names", "a.LOW.example", TYPE_A, 3},
    {"example", "names", "a.b.low.example", TYPE_A, 3},
    {"example", "names", "*.low.example", TYPE_A, 3},
    {"example", "names", "a.slow.example", TYPE_A, 0},
    {"example", "names", "*.star.example", TYPE_A, 3},
    {"example", "names", "a.star.example", TYPE_A, 0},
    {"example", "names", "example", TYPE_A, 0},
    {"example", "names", "tree.example", TYPE_ANY, 3},
    {"example", "names", "tree.example", TYPE_DNSKEY, 0},
    {".", "all", "com", TYPE_NS, 12},
    {".", "all", "a.b.com", TYPE_NS, 12},
    {".", "all", ".", TYPE_NS, 0},
    /* Types. */
    {"example", "types", "a.example", TYPE_A, 4},
    {"example", "types", "a.example", TYPE_TXT, 4},
    {"example", "types", "a.example", TYPE_AAAA, 0},
    {"example", "types", "a.example", TYPE_ANY, 0},
    {"example", "dnssec", "example", TYPE_CDS, 5},
    {"example", "dnssec", "example", TYPE_CDNSKEY, 5},
    {"example", "dnssec", "example", TYPE_DNSKEY, 0},
    {"example", "dnssec", "example", TYPE_A, 0},
    {"example", "dnssec", "a.example", TYPE_CDS, 0},
    /* The first entry that grants it. */
    {"example", "two", "a.example", TYPE_A, 6},
    {"example", "two", "a.example", TYPE_AAAA, 7},
    {"example", "two", "b.a.example", TYPE_A, 7},
    {"example", "two", "a.example", TYPE_ANY, 7},
    /* The key's own name. */
    {"example", "host.dyn.example", "HOST.dyn.example", TYPE_A, 8},
    {"example", "HOST.DYN.example", "host.dyn.example", TYPE_A, 8},
    {"example", "host.dyn.example", "a.host.dyn.example", TYPE_A, 0},
    {"example", "host.dyn.example", "dyn.example", TYPE_A, 0},
    {"example", "host.dyn.example", "sub.dyn.example", TYPE_A, 0},
    {"example", "sub.dyn.example", "sub.dyn.example", TYPE_A, 9},
    {"example", "sub.dyn.example", "a.b.sub.dyn.example", TYPE_A, 9},
    {"example", "sub.dyn.example", "host.dyn.example", TYPE_A, 0},
    /* Another zone's entries are of no use, and everybody's are of use to all. */
    {"closed", "all", "a.closed", TYPE_A, 0},
    {"open", "all", "a.open", TYPE_A, 11},
    {"open", NULL, "a.open", TYPE_A, 11},
    {"open", NULL, "open", TYPE_DNSKEY, 0},
};

START_TEST(grants_what)
{
    struct asker asker;
    struct name owner;
    const struct config_peer *peer = asks(&asker, grants[_i].key, "9.9.9.9");

    ck_assert_int_eq(name_from_string(grants[_i].owner, &owner), RESULT_OK);
    const struct config_acl_entry *entry =
        config_grant_find(zone_called(grants[_i].zone), peer, &owner, grants[_i].type);
    ck_assert_msg((entry ? entry->records_per_name : 0) == grants[_i].granted,
                  "%s: type %u at %s by %s: granted by %u, not by %u", grants[_i].zone,
                  grants[_i].type, grants[_i].owner, grants[_i].key ? grants[_i].key : "-",
                  entry ? entry->records_per_name : 0, grants[_i].granted);
}
END_TEST

/* Address and key of one entry must match together, for a grant as for being let in. */
START_TEST(grants_to_whom)
{
    struct asker asker;
    struct name owner;
    const struct config_zone *zone = zone_called("example");

    ck_assert_int_eq(name_from_string("a.example", &owner), RESULT_OK);
    ck_assert_ptr_null(config_grant_find(zone, asks(&asker, "near", "9.9.9.9"), &owner, TYPE_A));
    ck_assert_ptr_eq(config_grant_find(zone, asks(&asker, "near", "10.0.0.1"), &owner, TYPE_A),
                     &zone->allow_update[1]);
    ck_assert_ptr_null(config_grant_find(zone, asks(&asker, NULL, "2001:db8::1"), &owner, TYPE_A));
    ck_assert_ptr_eq(config_grant_find(zone, asks(&asker, NULL, "2001:db8::1"), &owner, TYPE_TXT),
                     &zone->allow_update[9]);
}
END_TEST

/* What nobody is granted, whatever key there is. */
static const struct {
    const char *zone, *owner;
    uint16_t type;
} nobody[] = {
    {"example", "example", TYPE_DNSKEY},     {"example", "example", TYPE_CSYNC},
    {"example", "a.example", TYPE_CDS},      {"example", "www.example", TYPE_RRSIG},
    {"example", "example", TYPE_NSEC3PARAM}, {"example", "www.example", TYPE_TSIG},
    {"example", "www.example.com", TYPE_A},  {"example", ".", TYPE_A},
    {"closed", "a.closed", TYPE_A},          {"closed", "closed", TYPE_ANY},
    {"open", "open", TYPE_DNSKEY},           {".", ".", TYPE_NS},
};

static bool keeper_grants(const char *zone, const char *owner, uint16_t type, uint32_t limit)
{
    struct buffer share = {.octets = NULL};
    struct config keeper;
    struct name name, apex;

    ck_assert_int_eq(name_from_string(zone, &apex), RESULT_OK);
    ck_assert_int_eq(name_from_string(owner, &name), RESULT_OK);
    ck_assert_int_eq(share_write(&config, SHARE_KEEPER, &share), RESULT_OK);
    ck_assert_int_eq(share_read(share.octets, share.length, &keeper), RESULT_OK);
    bool granted = config_grant_exists(config_zone_find(&keeper, &apex), &name, type, limit);
    ck_assert(granted == config_grant_exists(zone_called(zone), &name, type, limit));
    buffer_free(&share);
    config_free(&keeper);
    return granted;
}

/* The keeper does not know keys: what somebody may change, it lets the desk change. */
START_TEST(grants_to_somebody)
{
    for (size_t i = 0; i < COUNT(grants); i++) {
        const char *zone = grants[i].zone, *owner = grants[i].owner;
        if (!grants[i].granted)
            continue;
        ck_assert_msg(keeper_grants(zone, owner, grants[i].type, grants[i].granted),
                      "%s: type %u at %s", zone, grants[i].type, owner);
        /* All of them have a limit, of 12 at most. */
        ck_assert(!keeper_grants(zone, owner, grants[i].type, 13));
        ck_assert(!keeper_grants(zone, owner, grants[i].type, 0));
    }
    for (size_t i = 0; i < COUNT(nobody); i++)
        ck_assert_msg(!keeper_grants(nobody[i].zone, nobody[i].owner, nobody[i].type, 1),
                      "%s: type %u at %s", nobody[i].zone, nobody[i].type, nobody[i].owner);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/grants");
    TCase *granting = tcase_create("granting");

    tcase_add_checked_fixture(granting, parse, free_config);
    tcase_add_loop_test(granting, lets_in, 0, COUNT(peers));
    tcase_add_loop_test(granting, lets_in_by_tls, 0, COUNT(veiled));
    tcase_add_loop_test(granting, grants_what, 0, COUNT(grants));
    tcase_add_test(granting, grants_to_whom);
    tcase_add_test(granting, grants_to_somebody);
    suite_add_tcase(suite, granting);
    return run_suite(suite);
}
