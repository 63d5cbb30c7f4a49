/* schema_zone.c - the part of the table that is about zones. */
#include "avow/config/config.h"
#include "rules.h"
#include "schema_rows.h"

/* Some fields are pointers, and their own size is meant: NOLINTBEGIN(bugprone-sizeof-expression) */

/* ---- who may do what --------------------------------------------------------------------------*/

#define ACL_KEYS                                                                                   \
    {.name = "key",                                                                                \
     .help = "TSIG key that must have signed the request.",                                        \
     .kind = SCHEMA_TSIG_KEY,                                                                      \
     .otherwise = "no key is asked for",                                                           \
     INTO(config_acl_entry, key)},                                                                 \
        {.name = "address",                                                                        \
         .help = "Address or prefix that the request must come from.",                             \
         .kind = SCHEMA_PREFIX,                                                                    \
         .otherwise = "any address",                                                               \
         INTO(config_acl_entry, address)},                                                         \
        {.name = "tls",                                                                            \
         .help = "Whether the request must come by TLS, with ALPN dot (RFC 9103).",                \
         .kind = SCHEMA_SWITCH,                                                                    \
         .fallback = "off",                                                                        \
         INTO(config_acl_entry, tls)},                                                             \
        {.name = "certificate-pin",                                                                \
         .help = "The client's certificate by its public key: SHA-256 of the "                     \
                 "SubjectPublicKeyInfo in base64. Implies tls.",                                   \
         .kind = SCHEMA_PIN,                                                                       \
         .otherwise = "no certificate is asked for",                                               \
         COUNTED_INTO(config_acl_entry, certificate_pin, certificate_pin_length)},                 \
        {.name = "certificate-name",                                                               \
         .help = "The client's certificate by one of its first eight DNS names, which an "         \
                 "authority of server.tls.client-ca-file must vouch for. Implies tls.",            \
         .kind = SCHEMA_NAME_POINTER,                                                              \
         .otherwise = "no certificate is asked for",                                               \
         INTO(config_acl_entry, certificate_name)},                                                \
    {                                                                                              \
        .name = "insecure",                                                                        \
        .help = "Set it to show that an entry without a key is meant so: an address alone, which " \
                "can be forged; or neither key nor address, which is everybody.",                  \
        .kind = SCHEMA_SWITCH, .fallback = "off", INTO(config_acl_entry, insecure)                 \
    }

static const struct schema_key transfer_keys[] = {ACL_KEYS};
static const struct schema_table transfer_table = {
    .what = "an entry of allow-transfer", TABLE(transfer_keys), .check = rules_transfer_entry};

static const struct schema_word selves[] = {
    {"name", CONFIG_SCOPE_SELF},
    {"subdomain", CONFIG_SCOPE_SELF_SUBDOMAIN},
};

static const struct schema_key name_rule_keys[] = {
    {.name = "name",
     .help = "Exactly this name.",
     .kind = SCHEMA_NAME,
     .otherwise = "another of these is given",
     INTO(config_name_rule, name)},
    {.name = "subdomain",
     .help = "This name and all below it.",
     .kind = SCHEMA_NAME,
     .otherwise = "another of these is given",
     INTO(config_name_rule, name)},
    {.name = "wildcard",
     .help = "All names below that behind the asterisk, but not that one: \"*.dyn.example.com.\", "
             "in quotes.",
     .kind = SCHEMA_NAME,
     .otherwise = "another of these is given",
     INTO(config_name_rule, name)},
    {.name = "self",
     .help = "The name of the key that signed the update; subdomain: all names below it as well. "
             "The entry must name the key.",
     .kind = SCHEMA_WORD,
     WORDS(selves),
     .otherwise = "another of these is given",
     INTO(config_name_rule, scope)},
};
static const struct schema_table name_rule_table = {
    .what = "an entry of names", TABLE(name_rule_keys), .check = rules_name_rule};

static const struct schema_key update_keys[] = {
    ACL_KEYS,
    {.name = "names",
     .help = "Names that may be changed, all within the zone. One rule in each entry.",
     .kind = SCHEMA_MAP,
     .table = &name_rule_table,
     .otherwise = "every name of the zone",
     LIST_INTO(config_acl_entry, names, name_count)},
    {.name = "types",
     .help = "Record types that may be changed, such as A or TXT. DNSKEY, CDS, CDNSKEY and CSYNC "
             "may be only where they are named here; RRSIG, NSEC, NSEC3 and NSEC3PARAM never. To "
             "delete all records of a name at once, as DHCP servers do, takes an entry without "
             "types.",
     .kind = SCHEMA_TYPE,
     .otherwise = "all but those of DNSSEC",
     LIST_INTO(config_acl_entry, types, type_count)},
    {.name = "records-per-name",
     .help = "Records that a name may have in all after an update. 0 means no limit.",
     .kind = SCHEMA_COUNT,
     .most = 1000000,
     .fallback = "0",
     INTO(config_acl_entry, records_per_name)},
};
static const struct schema_table update_table = {
    .what = "an entry of allow-update", TABLE(update_keys), .check = rules_update_entry};

static const struct schema_key notify_keys[] = {
    {.name = "address",
     .help = "Address to notify, with @ and a port; port 53 when left out.",
     .kind = SCHEMA_ADDRESS,
     .required = true,
     INTO(config_notify, address)},
    {.name = "key",
     .help = "TSIG key to sign with.",
     .kind = SCHEMA_TSIG_KEY,
     .otherwise = "unsigned",
     INTO(config_notify, key)},
};
static const struct schema_table notify_table = {.what = "an entry of notify", TABLE(notify_keys)};

/* ---- what zones have and zone-defaults may say
 * --------------------------------------------------*/

static const struct schema_word serials[] = {
    {"increment", CONFIG_SERIAL_INCREMENT},
    {"unixtime", CONFIG_SERIAL_UNIXTIME},
    {"date", CONFIG_SERIAL_DATE},
};
static const struct schema_word zone_files[] = {
    {"read", CONFIG_ZONE_FILE_READ},
    {"write", CONFIG_ZONE_FILE_WRITE},
};
static const struct schema_word zonemds[] = {
    {"ignore", CONFIG_ZONEMD_IGNORE},
    {"verify", CONFIG_ZONEMD_VERIFY},
    {"require", CONFIG_ZONEMD_REQUIRE},
};
static const struct schema_word publications[] = {
    {"off", CONFIG_DIGEST_OFF},
    {"sha384", CONFIG_DIGEST_SHA384},
    {"sha512", CONFIG_DIGEST_SHA512},
};
static const struct schema_word reloads[] = {
    {"ask", CONFIG_RELOAD_ASK},
    {"replace", CONFIG_RELOAD_REPLACE},
    {"merge", CONFIG_RELOAD_MERGE},
};

/* These come twice, in zone-defaults and in zones; what holds when one is left out differs. */
#define JOURNAL_SIZE                                                                               \
    .name = "size",                                                                                \
    .help = "Octets that the journal of the zone may take; the oldest changes go first.",          \
    .kind = SCHEMA_SIZE, .least = UINT64_C(64) << 10, .most = UINT64_C(1) << 40,                   \
    INTO(config_zone, journal_size)
#define JOURNAL_DEPTH                                                                              \
    .name = "depth",                                                                               \
    .help = "Changes that are kept. 0 means no journal: secondaries get whole zones.",             \
    .kind = SCHEMA_COUNT, .most = 10000000, INTO(config_zone, journal_depth)
#define ZONE_SERIAL                                                                                \
    .name = "serial",                                                                              \
    .help = "The next serial of a zone that changes here: one more; seconds since 1970; or "       \
            "YYYYMMDDnn. When that would not be greater it is one more.",                          \
    .kind = SCHEMA_WORD, WORDS(serials), INTO(config_zone, serial)
#define ZONE_FILE                                                                                  \
    .name = "zone-file",                                                                           \
    .help = "What becomes of the file when the zone is changed by updates: read leaves it as it "  \
            "is; write writes it anew, a while after a change.",                                   \
    .kind = SCHEMA_WORD, WORDS(zone_files), INTO(config_zone, zone_file)
#define ZONE_RELOAD                                                                                \
    .name = "reload",                                                                              \
    .help = "What a reload of the file does to changes by update that the file does not have: "    \
            "with ask nothing is loaded unless it is forced; replace drops them; merge makes "     \
            "them again on top of the file.",                                                      \
    .kind = SCHEMA_WORD, WORDS(reloads), INTO(config_zone, reload)
#define ZONE_JOURNAL                                                                               \
    .name = "journal", .help = "How many changes are kept to send to secondaries by IXFR.",        \
    .kind = SCHEMA_MAP, .width = sizeof(struct config_zone)
#define ZONE_RATE_LIMIT                                                                            \
    .name = "rate-limit", .help = "Whether answers from the zone are limited as rate-limit says.", \
    .kind = SCHEMA_SWITCH, INTO(config_zone, rate_limit)
#define ZONE_CHECK                                                                                 \
    .name = "reload-check",                                                                        \
    .help = "What a load of the file may change in a zone that is served. A load that changes "    \
            "more is held: the zone goes on as it is until avowctl zone reload --force, which "    \
            "passes all checks.",                                                                  \
    .kind = SCHEMA_MAP, .width = sizeof(struct config_zone)
#define ZONE_ZONEMD                                                                                \
    .name = "zonemd",                                                                              \
    .help = "What is done about ZONEMD records (RFC 8976) of the file: ignore them; verify that "  \
            "one of them is right where there are some; require one that is right. A load "        \
            "that fails this is held.",                                                            \
    .kind = SCHEMA_WORD, WORDS(zonemds), INTO(config_zone, zonemd)
#define ZONE_PUBLISH_ZONEMD                                                                        \
    .name = "publish-zonemd",                                                                      \
    .help = "Make a ZONEMD record (RFC 8976) with this hash for the zone. Every change of the "    \
            "zone, renewed signatures included, takes the record away; it is made anew, with a "   \
            "serial of its own, once the zone is fully signed and nothing has changed for two "    \
            "seconds, and not so often that it would take more than about a twentieth of a "       \
            "processor. ZONEMD records of the file are left out.",                                 \
    .kind = SCHEMA_WORD, WORDS(publications), INTO(config_zone, publish_zonemd)
#define ZONE_HOOK                                                                                  \
    .name = "hook",                                                                                \
    .help = "A program that sees each load of the file before it is served and may refuse it: "    \
            "see THE HOOK in avowd(8).",                                                           \
    .kind = SCHEMA_MAP, .width = sizeof(struct config_zone)
#define ZONE_TLS_ONLY                                                                              \
    .name = "transfer-tls-only",                                                                   \
    .help = "Whether the zone, or what has changed in it, is sent by TLS alone: by plain TCP or "  \
            "UDP a transfer is then refused, whatever allow-transfer says.",                       \
    .kind = SCHEMA_SWITCH, INTO(config_zone, transfer_tls_only)
#define INHERITED .inherits = true, .otherwise = "as in zone-defaults"

static const struct schema_key default_journal_keys[] = {
    {JOURNAL_SIZE, .fallback = "16M"},
    {JOURNAL_DEPTH, .fallback = "10000"},
};
static const struct schema_table default_journal_table = {.what = "journal",
                                                          TABLE(default_journal_keys)};

static const struct schema_key default_keys[] = {
    {ZONE_SERIAL, .fallback = "increment"},     {ZONE_FILE, .fallback = "read"},
    {ZONE_RELOAD, .fallback = "ask"},           {ZONE_CHECK, .table = &schema_default_check},
    {ZONE_ZONEMD, .fallback = "verify"},        {ZONE_PUBLISH_ZONEMD, .fallback = "off"},
    {ZONE_HOOK, .table = &schema_default_hook}, {ZONE_JOURNAL, .table = &default_journal_table},
    {ZONE_RATE_LIMIT, .fallback = "on"},        {ZONE_TLS_ONLY, .fallback = "off"},
};
const struct schema_table schema_zone_defaults = {.what = "zone-defaults", TABLE(default_keys)};

static const struct schema_key journal_keys[] = {
    {JOURNAL_SIZE, INHERITED},
    {JOURNAL_DEPTH, INHERITED},
};
static const struct schema_table journal_table = {.what = "journal", TABLE(journal_keys)};

/* ---- a zone -----------------------------------------------------------------------------------*/

static const struct schema_key zone_keys[] = {
    {.name = "name",
     .help = "The zone's name; the final dot may be left out.",
     .kind = SCHEMA_NAME,
     .required = true,
     INTO(config_zone, name)},
    {.name = "file",
     .help = "The zone file. It is written only with zone-file: write.",
     .kind = SCHEMA_PATH,
     .required = true,
     INTO(config_zone, file)},
    {.name = "policy",
     .help = "Policy that the zone is signed by; none means that it is served unsigned.",
     .kind = SCHEMA_POLICY,
     .fallback = "default",
     INTO(config_zone, policy)},
    {ZONE_SERIAL, INHERITED},
    {ZONE_FILE, INHERITED},
    {ZONE_RELOAD, INHERITED},
    {ZONE_CHECK, .table = &schema_check, .otherwise = "as in zone-defaults"},
    {ZONE_ZONEMD, INHERITED},
    {ZONE_PUBLISH_ZONEMD, INHERITED},
    {ZONE_HOOK, .table = &schema_hook, .otherwise = "as in zone-defaults"},
    {ZONE_JOURNAL, .table = &journal_table, .otherwise = "as in zone-defaults"},
    {ZONE_RATE_LIMIT, INHERITED},
    {ZONE_TLS_ONLY, INHERITED},
    {.name = "allow-transfer",
     .help = "Who may transfer the zone. All that an entry names must match; one entry is enough.",
     .kind = SCHEMA_MAP,
     .table = &transfer_table,
     .otherwise = "nobody",
     LIST_INTO(config_zone, allow_transfer, allow_transfer_count)},
    {.name = "allow-update",
     .help = "Who may change the zone by dynamic update, and what of it. All that an entry names "
             "must match; one entry is enough.",
     .kind = SCHEMA_MAP,
     .table = &update_table,
     .otherwise = "nobody",
     LIST_INTO(config_zone, allow_update, allow_update_count)},
    {.name = "notify",
     .help = "Who is told by NOTIFY when the zone has changed. The message comes from the first "
             "address of server.listen of the same family, other than those of loopback; where "
             "that is a wildcard or there is none, from any. Its port is not 53. Who does not "
             "answer is told again five times within about a minute.",
     .kind = SCHEMA_MAP,
     .table = &notify_table,
     .otherwise = "nobody",
     LIST_INTO(config_zone, notify, notify_count)},
};
const struct schema_table schema_zone = {.what = "a zone", TABLE(zone_keys), .check = rules_zone};

/* NOLINTEND(bugprone-sizeof-expression) */
