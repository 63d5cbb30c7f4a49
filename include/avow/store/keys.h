/*
 * keys.h - the row of each DNSSEC key: where the token has it, what it is, and what state it is in.
 *
 * The states are those of RFC 7583 as used by keymgr-like lifecycles: each of the four records that
 * a key shows to the world is hidden, rumoured, omnipresent or unretentive. Floor: store.
 */
#ifndef AVOW_STORE_KEYS_H
#define AVOW_STORE_KEYS_H

#include "avow/store/snapshot.h"
#include "avow/wire/name.h"

enum {
    KEY_MAX_KEYSTORE = 63,    /* octets of a keystore's name */
    KEY_MAX_ID = 32,          /* octets of CKA_ID; ours have 20 */
    KEY_MAX_DNSKEY = 4 + 1028 /* octets of DNSKEY RDATA: RSA of 8192 bits at most */
};

enum key_role { KEY_ZSK = 1, KEY_KSK = 2, KEY_CSK = 3 /* bits: KSK and ZSK */ };

enum key_stage { KEY_HIDDEN, KEY_RUMOURED, KEY_OMNIPRESENT, KEY_UNRETENTIVE, KEY_STAGES };

/* What a key shows to the world. */
enum key_record { KEY_DNSKEY, KEY_ZONE_SIGNATURES, KEY_DNSKEY_SIGNATURES, KEY_DS, KEY_RECORDS };

enum key_goal { KEY_TO_HIDDEN, KEY_TO_OMNIPRESENT };

/* What an operator sees; follows from the records' stages unless removed. */
enum key_state {
    KEY_GENERATED, /* in the token, not in the zone */
    KEY_PUBLISHED, /* DNSKEY in the zone, signs nothing yet */
    KEY_ACTIVE,    /* signs */
    KEY_RETIRED,   /* DNSKEY in the zone, signs nothing any more */
    KEY_REMOVED,   /* out of the zone; the token may still hold it */
    KEY_STATES
};

/* Times are seconds since 1970, 0 = not yet. */
struct key_row {
    struct name zone;
    uint32_t number;                 /* unique within the zone, never used again */
    uint32_t predecessor, successor; /* numbers; 0 = none */
    enum key_role role;
    enum key_state state;
    enum key_goal goal;
    uint8_t algorithm;
    uint16_t flags; /* 256 or 257, with 128 when revoked (RFC 5011) */
    uint16_t tag;
    uint16_t bits; /* of the key, as the policy names it; 0 where the algorithm decides */
    struct {
        enum key_stage stage;
        uint64_t since;
        uint32_t ttl; /* largest TTL at the last move */
    } records[KEY_RECORDS];
    uint64_t created, published, active, retired, removed;
    uint64_t ds_seen, ds_gone; /* observed at all parent servers */
    uint64_t fully_signed;     /* when the whole zone carried its signatures */
    char keystore[KEY_MAX_KEYSTORE + 1];
    uint8_t id[KEY_MAX_ID]; /* CKA_ID */
    uint8_t id_length;
    uint16_t dnskey_length;
    uint8_t dnskey[KEY_MAX_DNSKEY]; /* RDATA */
};

/* Read one key. */
MUST_CHECK enum found_record key_get(struct snapshot *snapshot, const struct name *zone,
                                     uint32_t number, struct key_row *key);

/* Walk a zone's keys in order of number: the first whose number is above `after`. */
MUST_CHECK enum found_record key_walk(struct snapshot *snapshot, const struct name *zone,
                                      uint32_t after, struct key_row *key);

/*
 * Look at the rows of all zones' keys. A bit that flipped in a row's own key hides the row from the
 * look-ups above, but not from this one, which takes as long as the table is.
 *
 * Returns  RECORD_CORRUPT when some row is damaged or hidden; RECORD_ABSENT when there is none.
 */
MUST_CHECK enum found_record key_check(struct snapshot *snapshot);

/* The row's payload, both ways. RESULT_CORRUPT when malformed. */
MUST_CHECK enum result key_open(struct reader payload, struct key_row *key);
void key_compose(const struct key_row *key, struct buffer *value);

#endif
