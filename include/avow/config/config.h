/*
 * config.h - the configuration file as plain structs, checked as a whole.
 *
 * What each key means, its default and its limits stand in src/config/schema.c, which avow.yaml(5)
 * is made of. Times are seconds, sizes octets; paths are absolute; texts are NUL-terminated. All
 * that pointers lead to is the struct config's. A field marked "may be NULL" is NULL when the key
 * was left out and has no default. What a room must not know is NULL or 0 in its share (share.h).
 *
 * Floor: config. The only landlord of libyaml.
 */
#ifndef AVOW_CONFIG_CONFIG_H
#define AVOW_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/complaint.h"
#include "avow/base/log.h"
#include "avow/base/result.h"
#include "avow/config/access.h"
#include "avow/config/address.h"
#include "avow/config/cookies.h"
#include "avow/config/loading.h"
#include "avow/config/rate_limit.h"
#include "avow/config/tls.h"
#include "avow/wire/name.h"

enum { CONFIG_CONTROL_PATH_OCTETS = 108 };
enum config_log_target { CONFIG_LOG_STDERR, CONFIG_LOG_SYSLOG, CONFIG_LOG_FILE };

struct config_server {
    struct config_address *listen; /* at least one, none twice */
    size_t listen_count;
    uint32_t workers; /* front worker threads; 0: one per core */
    char *state;      /* folder of store and audit log */
    char *control;    /* avowctl's socket; shorter than CONFIG_CONTROL_PATH_OCTETS */
    char *user;       /* to become when started as root; may be NULL */
    char *pid_file;   /* may be NULL */
    enum config_log_target log_target;
    char *log_file; /* for CONFIG_LOG_FILE; else NULL */
    enum log_level log_level;
    uint64_t store_size;   /* octets that the store's map may grow to */
    uint32_t scrub;        /* seconds from one look through the whole store to the next; 0: none */
    uint32_t keep_removed; /* seconds that a zone which left the configuration is kept for */
    bool scrub_first;      /* nothing is answered before the store was looked through at a start */
    char *identity;        /* for NSID, id.server and hostname.bind; NULL: off */
    char *version;         /* for version.server and version.bind; NULL: off */
    uint16_t udp_payload;  /* largest UDP answer, octets */
    uint32_t tcp_clients;  /* connections open at once */
    uint32_t tcp_per_address, tcp_per_network; /* of these; 0: server.tcp's own choice */
    uint32_t tcp_idle;     /* seconds without a message after which a connection is closed */
    uint32_t tcp_pipeline; /* questions of one connection that may be under way at once */
    struct config_cookies cookies;
    struct config_tls tls;
};

/* An environment variable for a PKCS#11 module. */
struct config_variable {
    char *name;
    char *value;
};

struct config_keystore {
    char *name;
    char *module;   /* path of the shared object */
    char *uri;      /* RFC 7512, without a PIN in it */
    char *pin_file; /* may be NULL: the token needs no login */
    uint8_t *pin;   /* its first line; NULL unless loaded with CONFIG_SECRETS, or in a share */
    size_t pin_length;
    struct config_variable *environment;
    size_t environment_count;
    uint32_t sessions; /* signing threads; 0: one per core */
    bool network;      /* the module may make network connections */
};

struct config_tsig {
    struct name name;      /* of the key, lower-case */
    const char *algorithm; /* "hmac-sha256": also the name on the wire; not owned */
    char *secret_file;     /* may be NULL: the secret stands in the configuration file */
    uint8_t *secret;       /* decoded; NULL unless loaded with CONFIG_SECRETS, or in a share */
    size_t secret_length;
};

enum config_keys { CONFIG_KEYS_KSK_ZSK, CONFIG_KEYS_CSK };
enum config_denial { CONFIG_DENIAL_NSEC3, CONFIG_DENIAL_NSEC };

/* Which signatures are verified before they are stored. SAMPLE: all that a change makes, and some
 * of those that are made in bulk. */
enum config_verify { CONFIG_VERIFY_ALWAYS, CONFIG_VERIFY_SAMPLE, CONFIG_VERIFY_NEVER };

struct config_policy {
    char *name;
    const struct config_keystore *keystore; /* NULL in shares of rooms that do not need it */
    uint8_t algorithm;                      /* DNSSEC number: 8, 10, 13, 14, 15, 16 */
    uint16_t rsa_size;                      /* bits, for algorithms 8 and 10 */
    enum config_keys keys;
    uint32_t zsk_lifetime; /* 0: never replaced */
    uint32_t ksk_lifetime; /* 0: never replaced */
    uint32_t dnskey_ttl;
    /* jitter + refresh < validity: between being made and being due there is always some time. */
    uint32_t signature_validity; /* from now to expiration; inception lies an hour back */
    uint32_t signature_refresh;  /* made anew when so little validity is left */
    uint32_t signature_jitter;   /* taken off the validity, spread by name */
    enum config_denial denial;
    uint16_t nsec3_iterations; /* extra ones: 0 to 50 */
    uint8_t nsec3_salt_length; /* octets */
    bool nsec3_opt_out;
    enum config_verify verify_signatures;
};

/* Somebody to tell of a new serial. */
struct config_notify {
    struct config_address address;
    const struct config_tsig *key; /* NULL: unsigned */
};

/* The next serial of a zone that changes here. */
enum config_serial {
    CONFIG_SERIAL_INCREMENT,
    CONFIG_SERIAL_UNIXTIME, /* seconds since 1970, or the next where that is not after it */
    CONFIG_SERIAL_DATE      /* YYYYMMDDnn, likewise */
};

/* What becomes of the file when the zone is changed by updates. */
enum config_zone_file {
    CONFIG_ZONE_FILE_READ, /* nothing: it is only read */
    CONFIG_ZONE_FILE_WRITE /* it is written anew, a while after a change */
};

/* What a reload does to changes by update that the file does not have. */
enum config_reload {
    CONFIG_RELOAD_ASK,     /* nothing is loaded without --force */
    CONFIG_RELOAD_REPLACE, /* they go */
    CONFIG_RELOAD_MERGE    /* they are made again on top of the file */
};

struct config_zone {
    struct name name; /* lower-case */
    char *file;
    struct config_reload_check reload_check;
    enum config_zonemd zonemd;
    enum config_digest publish_zonemd;
    struct config_hook hook;
    enum config_serial serial;
    enum config_zone_file zone_file;
    enum config_reload reload;
    uint64_t journal_size;              /* octets */
    uint32_t journal_depth;             /* entries; 0: no journal, secondaries get whole zones */
    bool rate_limit;                    /* whether its answers are limited as rate_limit says */
    const struct config_policy *policy; /* NULL: served unsigned */
    bool transfer_tls_only;             /* whole or in part it is sent by TLS alone */
    struct config_acl_entry *allow_transfer;
    size_t allow_transfer_count;
    struct config_acl_entry *allow_update;
    size_t allow_update_count;
    struct config_notify *notify;
    size_t notify_count;
};

/* Transfers to secondaries. */
struct config_transfers {
    uint32_t total;    /* streams at once */
    uint32_t per_peer; /* to one address */
    uint32_t idle;     /* seconds that a secondary may take nothing before it is cut off */
    uint32_t longest;  /* seconds that a stream may take, however much the secondary takes */
    uint32_t clients;  /* connections that the desk holds */
};

/* Dynamic updates that wait for their turn. */
struct config_updates {
    uint32_t queue;      /* how many; more get SERVFAIL at once */
    uint64_t queue_size; /* octets of these */
    uint32_t deadline;   /* seconds after which one that waits gets SERVFAIL */
};

/* Zeroed: empty. Do not copy: the pointers from zones and policies lead into the arrays. */
struct config {
    char *file; /* the configuration file */
    struct config_server server;
    struct config_keystore *keystores;
    size_t keystore_count;
    struct config_tsig *tsig;
    size_t tsig_count;
    struct config_policy *policies;
    size_t policy_count;
    struct config_zone *zones; /* in canonical order of their names */
    size_t zone_count;
    struct config_zone zone_defaults; /* what keys say that a zone leaves out; in no share */
    struct config_transfers transfers;
    struct config_updates updates;
    struct config_rate_limit rate_limit;
    struct arena *memory; /* owns all of the above */
};

/* How far a configuration is checked. */
enum config_depth {
    CONFIG_TEXT,   /* what the file says: no other file is touched, no user looked up */
    CONFIG_FILES,  /* also files and the user that it names; secrets are read and wiped again */
    CONFIG_SECRETS /* the same, and secrets stay in the struct */
};

/*
 * Read a configuration file.
 *
 * config      Caller's storage, written here; empty unless RESULT_OK. Give back with config_free.
 * path        As complaints repeat it. Relative paths in the file are relative to its folder.
 * complaints  Gets every error, not only the first; warnings about what is legal but unwise; and
 *             one note for each part that this version checks but does not act on.
 *
 * Returns     RESULT_OK; RESULT_FORMAT when there was any error; RESULT_SYSTEM when the file could
 *             not be read or memory ran out. Each failure was complained of.
 */
MUST_CHECK enum result config_load(struct config *config, const char *path, enum config_depth depth,
                                   struct complaints *complaints);

/* The same for the text of a file that was already read. */
struct config_source {
    const char *path; /* as in config_load; need not exist with CONFIG_TEXT */
    const void *text; /* UTF-8 */
    size_t length;
};

MUST_CHECK enum result config_parse(struct config *config, const struct config_source *source,
                                    enum config_depth depth, struct complaints *complaints);

/* Give back all memory, PINs and secrets wiped. Takes a config in any state, leaves it empty. */
void config_free(struct config *config);

/* Wipe PINs and secrets: once their share has been sent, the supervisor needs them no more. */
void config_wipe_secrets(struct config *config);

/* Have server.tls as another configuration has it, as a copy. RESULT_SYSTEM when memory ran out. */
MUST_CHECK enum result config_keep_tls(struct config *config, const struct config *other);

/* The zone of exactly this name (any letter case); NULL when there is none. */
const struct config_zone *config_zone_find(const struct config *config, const struct name *name);

#endif
