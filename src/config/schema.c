/* schema.c - one table: every key, its kind, its default, its limits and its help. Those of zones
 * stand in schema_zone.c, those of keystores in schema_keystore.c, those of cookies in
 * schema_cookies.c, those of TLS in schema_tls.c. */
#include "schema.h"

#include "avow/base/result.h"
#include "avow/config/config.h"
#include "rules.h"
#include "schema_rows.h"

#define HOUR UINT64_C(3600)
#define DAY  UINT64_C(86400)

/* Some fields are pointers, and their own size is meant: NOLINTBEGIN(bugprone-sizeof-expression) */

/* ---- server -----------------------------------------------------------------------------------*/

static const struct schema_word log_levels[] = {
    {"error", LOG_LEVEL_ERROR},
    {"warning", LOG_LEVEL_WARNING},
    {"info", LOG_LEVEL_INFO},
    {"debug", LOG_LEVEL_DEBUG},
};

static const struct schema_key log_keys[] = {
    {.name = "target",
     .help = "Where log lines go: stderr, syslog, or the path of a file, which is appended to.",
     .kind = SCHEMA_LOG_TARGET,
     .fallback = "stderr",
     INTO(config_server, log_target)},
    {.name = "level",
     .help = "The least important lines that are written.",
     .kind = SCHEMA_WORD,
     WORDS(log_levels),
     .fallback = "info",
     INTO(config_server, log_level)},
};
static const struct schema_table log_table = {.what = "log", TABLE(log_keys)};

static const struct schema_key tcp_keys[] = {
    {.name = "clients",
     .help = "Connections that may be open at once. Each worker has its part of these, and of the "
             "numbers below, whatever the others have.",
     .kind = SCHEMA_COUNT,
     .least = 1,
     .most = 100000,
     .fallback = "1000",
     INTO(config_server, tcp_clients)},
    {.name = "per-address",
     .help = "Connections of one address. One more takes the place of the one that has been idle "
             "for longest. Raise it for a proxy in front of the server.",
     .kind = SCHEMA_COUNT,
     .least = 1,
     .most = 100000,
     .otherwise = "an eighth of clients, but not fewer than 16 of each worker",
     INTO(config_server, tcp_per_address)},
    {.name = "per-network",
     .help = "Connections of one IPv4 /24 or IPv6 /56, likewise.",
     .kind = SCHEMA_COUNT,
     .least = 1,
     .most = 100000,
     .otherwise = "a quarter of clients, but not fewer than 16 of each worker",
     INTO(config_server, tcp_per_network)},
    {.name = "idle",
     .help = "A connection is closed when nothing was asked for so long; when a message has not "
             "come whole so long after its first octet; or when of its answers less than 16 KiB, "
             "and not all, were taken in so long. It is less when more than half of the "
             "connections that may be open are, down to a second.",
     .kind = SCHEMA_DURATION,
     .least = 1,
     .most = HOUR,
     .fallback = "10s",
     INTO(config_server, tcp_idle)},
    {.name = "pipeline",
     .help = "Questions of one connection that may be under way at once.",
     .kind = SCHEMA_COUNT,
     .least = 1,
     .most = 10000,
     .fallback = "64",
     INTO(config_server, tcp_pipeline)},
};
static const struct schema_table tcp_table = {.what = "tcp", TABLE(tcp_keys)};

static const struct schema_key server_keys[] = {
    {.name = "listen",
     .help = "Addresses to serve on by UDP and TCP, each with @ and a port; port 53 when left out. "
             "Quote IPv6 addresses.",
     .kind = SCHEMA_ADDRESS,
     .required = true,
     LIST_INTO(config_server, listen, listen_count)},
    {.name = "workers",
     .help = "Worker threads that answer questions. 0 means one per processor core.",
     .kind = SCHEMA_COUNT,
     .most = 256,
     .fallback = "0",
     INTO(config_server, workers)},
    {.name = "state",
     .help = "Folder of the store and the audit log. It is made with mode 0700 when it is missing.",
     .kind = SCHEMA_PATH,
     .fallback = "/var/lib/avow",
     INTO(config_server, state)},
    {.name = "control",
     .help = "Socket by which avowctl asks the daemon. Its path has at most 107 characters.",
     .kind = SCHEMA_PATH,
     .fallback = "/run/avow/avow.sock",
     INTO(config_server, control)},
    {.name = "user",
     .help = "User to become when started as root.",
     .kind = SCHEMA_LABEL,
     .otherwise = "the user who starts the daemon",
     INTO(config_server, user)},
    {.name = "pid-file",
     .help = "File for the process id of the running daemon.",
     .kind = SCHEMA_PATH,
     .otherwise = "no file",
     INTO(config_server, pid_file)},
    {.name = "log",
     .help = "The log.",
     .kind = SCHEMA_MAP,
     .table = &log_table,
     .width = sizeof(struct config_server)},
    {.name = "store-size",
     .help = "How large the store may grow. Address space is reserved, not disk or memory. Loads "
             "are refused when 80 % are used, updates at 90 %.",
     .kind = SCHEMA_SIZE,
     .least = UINT64_C(1) << 20,
     .most = UINT64_C(1) << 46,
     .fallback = "64G",
     INTO(config_server, store_size)},
    {.name = "keep-removed",
     .help =
         "How long a zone that is not in the configuration any more is kept as it is: should it "
         "come back, it has what updates have made, its serial and its signatures. It is not "
         "answered from meanwhile. 0 drops it at once. Its keys are kept in any case.",
     .kind = SCHEMA_DURATION,
     .most = 400 * DAY,
     .fallback = "30d",
     INTO(config_server, keep_removed)},
    {.name = "scrub",
     .help = "How often the whole store is looked through in the background: every record, and "
             "every stored signature by its zone's keys. A pass takes a twentieth of a processor, "
             "and a third when it has not ended in half of this time. 0 means never, but for "
             "records alone after each start.",
     .kind = SCHEMA_DURATION,
     .most = 400 * DAY,
     .fallback = "7d",
     INTO(config_server, scrub)},
    {.name = "scrub-first",
     .help =
         "Whether a daemon that starts answers nothing before it has looked through all records "
         "of all zones: as fast as one processor reads them. Off, it answers at once, and looks "
         "behind that; what a disk has lost or brought back from an older time can then be "
         "answered until the look has come to its zone.",
     .kind = SCHEMA_SWITCH,
     .fallback = "off",
     INTO(config_server, scrub_first)},
    {.name = "identity",
     .help = "What the server calls itself: NSID (RFC 5001) and id.server (RFC 4892). At most 255 "
             "characters; off tells nothing.",
     .kind = SCHEMA_TEXT_OR_OFF,
     .most = 255,
     .otherwise = "the name of the host",
     INTO(config_server, identity)},
    {.name = "version",
     .help = "The answer to version.server and version.bind. At most 255 characters; off tells "
             "nothing.",
     .kind = SCHEMA_TEXT_OR_OFF,
     .most = 255,
     .otherwise = "avow and its version",
     INTO(config_server, version)},
    {.name = "udp-payload",
     .help = "Largest answer that is sent by UDP, in octets; larger ones are truncated, and the "
             "client asks again by TCP. 1232 fits every network unfragmented.",
     .kind = SCHEMA_COUNT,
     .least = 512,
     .most = 4096,
     .fallback = "1232",
     INTO(config_server, udp_payload)},
    {.name = "tcp",
     .help = "Limits of TCP connections.",
     .kind = SCHEMA_MAP,
     .table = &tcp_table,
     .width = sizeof(struct config_server)},
    {.name = "cookies",
     .help = "DNS cookies (RFC 7873).",
     .kind = SCHEMA_MAP,
     .table = &schema_cookies,
     INTO(config_server, cookies)},
    {.name = "tls",
     .help = "DNS over TLS (RFC 7858), and transfers by it (RFC 9103).",
     .kind = SCHEMA_MAP,
     .table = &schema_tls,
     .otherwise = "no TLS",
     INTO(config_server, tls)},
};
static const struct schema_table server_table = {
    .what = "server", TABLE(server_keys), .check = rules_server};

/* ---- keystores and TSIG keys ------------------------------------------------------------------*/

static const struct schema_word hmacs[] = {
    {"hmac-sha1", 0},   {"hmac-sha224", 0}, {"hmac-sha256", 0},
    {"hmac-sha384", 0}, {"hmac-sha512", 0},
};

static const struct schema_key tsig_keys[] = {
    {.name = "name",
     .help = "The key's name, the same at both ends.",
     .kind = SCHEMA_NAME,
     .required = true,
     INTO(config_tsig, name)},
    {.name = "algorithm",
     .help = "The key's algorithm, the same at both ends.",
     .kind = SCHEMA_WORD_TEXT,
     WORDS(hmacs),
     .fallback = "hmac-sha256",
     INTO(config_tsig, algorithm)},
    {.name = "secret-file",
     .help = "File with the secret: base64, or a key file as tsig-keygen writes it. Only its owner "
             "may be able to read it.",
     .kind = SCHEMA_PATH,
     .otherwise = "secret is given",
     INTO(config_tsig, secret_file)},
    {.name = "secret",
     .help = "The secret itself in base64, instead of secret-file. Then only its owner may be able "
             "to read the configuration file.",
     .kind = SCHEMA_SECRET,
     .otherwise = "secret-file is given",
     COUNTED_INTO(config_tsig, secret, secret_length)},
};
static const struct schema_table tsig_table = {
    .what = "a TSIG key", TABLE(tsig_keys), .check = rules_tsig};

/* ---- policies ---------------------------------------------------------------------------------*/

static const struct schema_word algorithms[] = {
    {"rsasha256", 8},        {"rsasha512", 10}, {"ecdsap256sha256", 13},
    {"ecdsap384sha384", 14}, {"ed25519", 15},   {"ed448", 16},
};
static const struct schema_word key_schemes[] = {
    {"ksk+zsk", CONFIG_KEYS_KSK_ZSK},
    {"csk", CONFIG_KEYS_CSK},
};
static const struct schema_word denials[] = {
    {"nsec3", CONFIG_DENIAL_NSEC3},
    {"nsec", CONFIG_DENIAL_NSEC},
};
static const struct schema_word verifications[] = {
    {"always", CONFIG_VERIFY_ALWAYS},
    {"sample", CONFIG_VERIFY_SAMPLE},
    {"never", CONFIG_VERIFY_NEVER},
};

static const struct schema_key nsec3_keys[] = {
    {.name = "iterations",
     .help = "Extra hash iterations. RFC 9276: leave it at 0; resolvers treat zones with more as "
             "unsigned or broken.",
     .kind = SCHEMA_COUNT,
     .most = 50,
     .fallback = "0",
     INTO(config_policy, nsec3_iterations)},
    {.name = "salt-length",
     .help = "Octets of salt. RFC 9276: leave it at 0; salt does not help.",
     .kind = SCHEMA_COUNT,
     .most = 255,
     .fallback = "0",
     INTO(config_policy, nsec3_salt_length)},
    {.name = "opt-out",
     .help = "Leave unsigned delegations out of the chain: for large zones that mostly delegate.",
     .kind = SCHEMA_SWITCH,
     .fallback = "off",
     INTO(config_policy, nsec3_opt_out)},
};
static const struct schema_table nsec3_table = {.what = "nsec3", TABLE(nsec3_keys)};

static const struct schema_key policy_keys[] = {
    {.name = "name",
     .help = "What zones call it. A zone that names none has the policy that is called default.",
     .kind = SCHEMA_LABEL,
     .required = true,
     INTO(config_policy, name)},
    {.name = "keystore",
     .help = "Keystore of the keys.",
     .kind = SCHEMA_KEYSTORE,
     .fallback = "default",
     INTO(config_policy, keystore)},
    {.name = "algorithm",
     .help = "Algorithm of the keys. The token must know it.",
     .kind = SCHEMA_WORD,
     WORDS(algorithms),
     .fallback = "ecdsap256sha256",
     INTO(config_policy, algorithm)},
    {.name = "rsa-size",
     .help = "Bits of RSA keys that are generated.",
     .kind = SCHEMA_COUNT,
     .least = 2048,
     .most = 4096,
     .fallback = "2048",
     INTO(config_policy, rsa_size)},
    {.name = "keys",
     .help = "A key-signing and a zone-signing key, or one key for both.",
     .kind = SCHEMA_WORD,
     WORDS(key_schemes),
     .fallback = "ksk+zsk",
     INTO(config_policy, keys)},
    {.name = "zsk-lifetime",
     .help = "How long a zone-signing key is used. 0 means for ever.",
     .kind = SCHEMA_DURATION,
     .most = UINT64_C(36600) * DAY,
     .fallback = "90d",
     .inactive = true,
     INTO(config_policy, zsk_lifetime)},
    {.name = "ksk-lifetime",
     .help = "How long a key-signing key, or the one key for both, is used. 0 means for ever.",
     .kind = SCHEMA_DURATION,
     .most = UINT64_C(36600) * DAY,
     .fallback = "0",
     .inactive = true,
     INTO(config_policy, ksk_lifetime)},
    {.name = "dnskey-ttl",
     .help = "TTL of the DNSKEY records.",
     .kind = SCHEMA_DURATION,
     .most = 7 * DAY,
     .fallback = "1h",
     INTO(config_policy, dnskey_ttl)},
    {.name = "signature-validity",
     .help = "How long a new signature is valid.",
     .kind = SCHEMA_DURATION,
     .least = 10,
     .most = 400 * DAY,
     .fallback = "14d",
     INTO(config_policy, signature_validity)},
    {.name = "signature-refresh",
     .help = "A signature is made anew when it has so long left.",
     .kind = SCHEMA_DURATION,
     .least = 1,
     .most = 400 * DAY,
     .fallback = "5d",
     INTO(config_policy, signature_refresh)},
    {.name = "signature-jitter",
     .help = "Validity is shortened by up to so much, by name, so that not all signatures are due "
             "at once. Together with signature-refresh it must be shorter than signature-validity.",
     .kind = SCHEMA_DURATION,
     .most = 400 * DAY,
     .fallback = "12h",
     INTO(config_policy, signature_jitter)},
    {.name = "denial",
     .help = "How it is proved that something does not exist.",
     .kind = SCHEMA_WORD,
     WORDS(denials),
     .fallback = "nsec3",
     INTO(config_policy, denial)},
    {.name = "nsec3",
     .help = "Parameters of NSEC3.",
     .kind = SCHEMA_MAP,
     .table = &nsec3_table,
     .width = sizeof(struct config_policy)},
    {.name = "verify-signatures",
     .help = "Which new signatures are verified before they are stored: always every one; sample "
             "those that a change makes and some of those that are made in bulk; never none.",
     .kind = SCHEMA_WORD,
     WORDS(verifications),
     .fallback = "sample",
     INTO(config_policy, verify_signatures)},
};
static const struct schema_table policy_table = {
    .what = "a policy", TABLE(policy_keys), .check = rules_policy};

/* ---- the rest ---------------------------------------------------------------------------------*/

static const struct schema_key transfers_keys[] = {
    {.name = "total",
     .help = "Transfers that may be under way at once.",
     .kind = SCHEMA_COUNT,
     .least = 1,
     .most = 10000,
     .fallback = "64",
     INTO(config_transfers, total)},
    {.name = "per-peer",
     .help = "Transfers to one address that may be under way at once.",
     .kind = SCHEMA_COUNT,
     .least = 1,
     .most = 10000,
     .fallback = "8",
     INTO(config_transfers, per_peer)},
    {.name = "idle",
     .help = "A secondary that takes less than 16 KiB in so long is cut off.",
     .kind = SCHEMA_DURATION,
     .least = 1,
     .most = HOUR,
     .fallback = "30s",
     INTO(config_transfers, idle)},
    {.name = "longest",
     .help = "A transfer that has taken so long is cut off, however slowly it goes on.",
     .kind = SCHEMA_DURATION,
     .least = 1,
     .most = 30 * DAY,
     .fallback = "2h",
     INTO(config_transfers, longest)},
    {.name = "clients",
     .help = "Connections that may be open at once for transfers, updates and signed questions, "
             "beside those of server.tcp.",
     .kind = SCHEMA_COUNT,
     .least = 1,
     .most = 100000,
     .fallback = "1000",
     INTO(config_transfers, clients)},
};
static const struct schema_table transfers_table = {.what = "transfers", TABLE(transfers_keys)};

static const struct schema_key updates_keys[] = {
    {.name = "queue",
     .help = "Updates that may wait; one more gets SERVFAIL at once.",
     .kind = SCHEMA_COUNT,
     .least = 1,
     .most = 1000000,
     .fallback = "1000",
     INTO(config_updates, queue)},
    {.name = "queue-size",
     .help = "Octets of the updates that wait; one that is too much gets SERVFAIL at once.",
     .kind = SCHEMA_SIZE,
     .least = UINT64_C(1) << 20,
     .most = UINT64_C(64) << 30,
     .fallback = "16M",
     INTO(config_updates, queue_size)},
    {.name = "deadline",
     .help = "An update that has waited for so long gets SERVFAIL.",
     .kind = SCHEMA_DURATION,
     .least = 1,
     .most = HOUR,
     .fallback = "10s",
     INTO(config_updates, deadline)},
};
static const struct schema_table updates_table = {.what = "updates", TABLE(updates_keys)};

#define CLASS_RATE                                                                                 \
    .kind = SCHEMA_COUNT, .most = 1000000, .otherwise = "as responses-per-second",                 \
    .width = sizeof(uint32_t)
#define CLASS_INTO(class) .offset = offsetof(struct config_rate_limit, classes[class])

static const struct schema_key class_keys[] = {
    {.name = "positive",
     .help = "Answers with the records that were asked for. 0 means no limit, here and below.",
     CLASS_RATE,
     CLASS_INTO(CONFIG_CLASS_POSITIVE)},
    {.name = "nodata",
     .help = "The name exists, the type does not.",
     CLASS_RATE,
     CLASS_INTO(CONFIG_CLASS_NODATA)},
    {.name = "nxdomain",
     .help = "The name does not exist.",
     CLASS_RATE,
     CLASS_INTO(CONFIG_CLASS_NXDOMAIN)},
    {.name = "referral",
     .help = "Delegations to other servers.",
     CLASS_RATE,
     CLASS_INTO(CONFIG_CLASS_REFERRAL)},
    {.name = "error",
     .help = "REFUSED, SERVFAIL, FORMERR and other errors.",
     CLASS_RATE,
     CLASS_INTO(CONFIG_CLASS_ERROR)},
};
static const struct schema_table class_table = {
    .what = "classes", TABLE(class_keys), .check = rules_classes};

static const struct schema_key rate_limit_keys[] = {
    {.name = "responses-per-second",
     .help =
         "Answers by UDP to one address in a second. Networks have more: an IPv4 /24 32 times "
         "as much, a /20 256 times, a /18 768 times; an IPv6 /64 twice as much, a /56 4 times, "
         "a /48 16 times, a /32 128 times. An answer of over 400 octets counts for more, by its "
         "size, and one for which a signature must be made for 20. A client with a good cookie "
         "has an account of its own, and a hundred times as much. What goes by TCP, or to whoever "
         "shows a TSIG key, is never limited. 0 means no limit.",
     .kind = SCHEMA_COUNT,
     .most = 1000000,
     .fallback = "0",
     INTO(config_rate_limit, responses_per_second)},
    {.name = "classes",
     .help = "Other rates for some kinds of answers. All kinds use up one account: where 200 "
             "answers in a second are allowed and 50 of NXDOMAIN, an NXDOMAIN counts for four.",
     .kind = SCHEMA_MAP,
     .table = &class_table,
     .width = sizeof(struct config_rate_limit)},
    {.name = "window",
     .help = "What is asked for beyond the limit is remembered, so that an address that never "
             "stops asking gets nothing but what slip and leak let through. Once it has stopped it "
             "is free again after at most so long.",
     .kind = SCHEMA_DURATION,
     .least = 1,
     .most = 300,
     .fallback = "15s",
     INTO(config_rate_limit, window)},
    {.name = "slip",
     .help = "One in so many answers over the limit, by chance, is sent truncated and without "
             "records, so that a real client asks again by TCP; the others are dropped. 0 drops "
             "all.",
     .kind = SCHEMA_COUNT,
     .most = 1000,
     .fallback = "2",
     INTO(config_rate_limit, slip)},
    {.name = "leak",
     .help =
         "One in so many answers over the limit, by chance, is sent all the same. 0 sends none.",
     .kind = SCHEMA_COUNT,
     .most = 1000000,
     .fallback = "0",
     INTO(config_rate_limit, leak)},
    {.name = "exempt",
     .help = "Addresses and prefixes without limit.",
     .kind = SCHEMA_PREFIX,
     LIST_INTO(config_rate_limit, exempt, exempt_count)},
    {.name = "dry-run",
     .help = "Count and log what would be held back, and send it all the same.",
     .kind = SCHEMA_SWITCH,
     .fallback = "off",
     INTO(config_rate_limit, dry_run)},
};
static const struct schema_table rate_limit_table = {
    .what = "rate-limit", TABLE(rate_limit_keys), .check = rules_rate_limit};

static const struct schema_key root_keys[] = {
    {.name = "server",
     .help = "The server as a whole.",
     .kind = SCHEMA_MAP,
     .table = &server_table,
     .required = true,
     INTO(config, server)},
    {.name = "keystores",
     .help = "Tokens that hold private keys.",
     .kind = SCHEMA_MAP,
     .table = &schema_keystore,
     LIST_INTO(config, keystores, keystore_count)},
    {.name = "tsig",
     .help = "Keys shared with other servers and clients (RFC 8945).",
     .kind = SCHEMA_MAP,
     .table = &tsig_table,
     LIST_INTO(config, tsig, tsig_count)},
    {.name = "policies",
     .help = "Ways to sign a zone.",
     .kind = SCHEMA_MAP,
     .table = &policy_table,
     LIST_INTO(config, policies, policy_count)},
    {.name = "zone-defaults",
     .help = "What holds for zones that do not say otherwise.",
     .kind = SCHEMA_MAP,
     .table = &schema_zone_defaults,
     INTO(config, zone_defaults)},
    {.name = "zones",
     .help = "Zones that are served.",
     .kind = SCHEMA_MAP,
     .table = &schema_zone,
     LIST_INTO(config, zones, zone_count)},
    {.name = "transfers",
     .help = "Limits of transfers to secondaries.",
     .kind = SCHEMA_MAP,
     .table = &transfers_table,
     INTO(config, transfers)},
    {.name = "updates",
     .help = "Limits of dynamic updates that wait for their turn.",
     .kind = SCHEMA_MAP,
     .table = &updates_table,
     INTO(config, updates)},
    {.name = "rate-limit",
     .help = "Response rate limiting.",
     .kind = SCHEMA_MAP,
     .table = &rate_limit_table,
     INTO(config, rate_limit)},
};
const struct schema_table schema_root = {
    .what = "the configuration", TABLE(root_keys), .check = rules_root};

/* NOLINTEND(bugprone-sizeof-expression) */
