/* check.c - is a message by whom it says, whole, and of now (RFC 8945 sections 5.2 and 5.4)? */
#include <openssl/crypto.h>

#include "algorithm.h"
#include "digest.h"

enum { SHORTEST_MAC = 10 /* section 5.2.2.1; or half of the whole one if that is more */ };

/* What is being checked, and what was learnt of it. */
struct checked {
    const struct tsig_keyring *keyring;
    const uint8_t *octets;
    struct tsig_place place;
    struct tsig_record record;
};

/* The key of that name, if the algorithm is that of the key. */
static const struct tsig_key *find_key(const struct checked *checked)
{
    const struct tsig_key *key = tsig_keyring_find(checked->keyring, &checked->record.owner);

    if (key && name_equal(&checked->record.algorithm, tsig_algorithm_name(key->algorithm)))
        return key;
    return NULL;
}

static bool may_have_length(const struct tsig_key *key, size_t length)
{
    size_t whole = tsig_mac_octets(key->algorithm), half = whole / 2;

    return length <= whole && length >= SHORTEST_MAC && length >= half;
}

/* Compare the MAC, of which the first octets may be all there is, with ours. `prior`: the session
 * whose MAC precedes the message in the digest; NULL for a request. */
static bool is_by(const struct checked *checked, const struct tsig_key *key,
                  const struct tsig_session *prior)
{
    const struct tsig_record *record = &checked->record;
    uint8_t mac[TSIG_MAX_MAC];
    struct tsig_digest digest = tsig_digest_begin(checked->keyring, key);

    if (prior)
        tsig_digest_prior(&digest, prior->mac, prior->mac_length);
    uint16_t others = (uint16_t)(checked->place.header.counts[SECTION_ADDITIONAL] - 1);
    tsig_digest_message(&digest, checked->octets, checked->place.start, record->original_id,
                        others);
    tsig_digest_variables(&digest, record);
    enum result result = tsig_digest_end(&digest, mac);
    bool same = !result && CRYPTO_memcmp(mac, record->mac, record->mac_length) == 0;
    OPENSSL_cleanse(mac, sizeof mac);
    return same;
}

static bool is_in_time(const struct tsig_record *record, uint64_t now)
{
    uint64_t away =
        now > record->time_signed ? now - record->time_signed : record->time_signed - now;

    return away <= (record->fudge < TSIG_MAX_FUDGE ? record->fudge : TSIG_MAX_FUDGE);
}

/* Of a message by a key that we have: section 5.2.2 onwards. */
static enum tsig_outcome judge(const struct checked *checked, const struct tsig_key *key,
                               const struct tsig_session *prior, uint64_t now)
{
    if (!may_have_length(key, checked->record.mac_length))
        return TSIG_MALFORMED;
    if (!is_by(checked, key, prior))
        return TSIG_BADSIG;
    if (!is_in_time(&checked->record, now))
        return TSIG_BADTIME;
    if (checked->record.mac_length < tsig_mac_octets(key->algorithm) &&
        !checked->keyring->truncated_welcome)
        return TSIG_BADTRUNC;
    return TSIG_GOOD;
}

/* ---- a request --------------------------------------------------------------------------------
 */

static uint16_t error_of(enum tsig_outcome outcome)
{
    static const uint16_t errors[] = {
        [TSIG_BADKEY] = RCODE_BADKEY,
        [TSIG_BADSIG] = RCODE_BADSIG,
        [TSIG_BADTRUNC] = RCODE_BADTRUNC,
        [TSIG_BADTIME] = RCODE_BADTIME,
    };
    return (size_t)outcome < COUNT(errors) ? errors[outcome] : RCODE_NOERROR;
}

/* What the answer's TSIG must repeat. A MAC that is to be digested has been found good. */
static void keep_for_answer(struct tsig_session *session, const struct tsig_record *record,
                            const struct tsig_key *key, enum tsig_outcome outcome)
{
    name_copy(&session->key_name, &record->owner);
    name_copy(&session->algorithm, &record->algorithm);
    session->time_signed = record->time_signed;
    session->fudge = record->fudge;
    session->original_id = record->original_id;
    session->error = error_of(outcome);
    session->replies_unsigned = outcome == TSIG_BADKEY || outcome == TSIG_BADSIG;
    if (session->replies_unsigned)
        return;
    session->key = key;
    session->mac_length = (uint8_t)record->mac_length;
    memcpy(session->mac, record->mac, record->mac_length);
}

enum tsig_outcome tsig_check(const struct tsig_keyring *keyring, const uint8_t *octets,
                             size_t length, uint64_t now, struct tsig_session *session,
                             size_t *plain)
{
    struct checked checked = {.keyring = keyring, .octets = octets};

    *session = (struct tsig_session){.key = NULL};
    *plain = length;
    enum tsig_outcome outcome = tsig_record_find(octets, length, &checked.place, &checked.record);
    if (outcome != TSIG_GOOD)
        return outcome;
    const struct tsig_key *key = find_key(&checked);
    outcome = key ? judge(&checked, key, NULL, now) : TSIG_BADKEY;
    if (outcome == TSIG_MALFORMED)
        return outcome;
    keep_for_answer(session, &checked.record, key, outcome);
    if (outcome == TSIG_GOOD)
        *plain = checked.place.start;
    return outcome;
}

/* ---- an answer --------------------------------------------------------------------------------
 */

/* What the error of a TSIG says (sections 5.4.1 to 5.4.4); of the others we know nothing. */
static enum tsig_outcome outcome_of(uint16_t error)
{
    for (enum tsig_outcome outcome = TSIG_BADKEY; outcome <= TSIG_BADTIME; outcome++) {
        if (error_of(outcome) == error)
            return outcome;
    }
    return error == RCODE_NOERROR ? TSIG_GOOD : TSIG_MALFORMED;
}

/* Without a MAC a peer may only say that it does not know us; anybody else may say so as well. */
static enum tsig_outcome judge_unsigned(const struct checked *checked)
{
    uint16_t error = checked->record.error;
    bool refused = (checked->place.header.flags & FLAG_RCODE) == RCODE_NOTAUTH;

    return refused && (error == RCODE_BADKEY || error == RCODE_BADSIG) ? outcome_of(error)
                                                                       : TSIG_BADSIG;
}

static enum tsig_outcome judge_answer(const struct checked *checked,
                                      const struct tsig_session *session, uint64_t now)
{
    if (!session->key || !name_equal(&checked->record.owner, &session->key_name) ||
        !name_equal(&checked->record.algorithm, &session->algorithm))
        return TSIG_BADKEY;
    if (checked->record.mac_length == 0)
        return judge_unsigned(checked);
    enum tsig_outcome ours = judge(checked, session->key, session, now);
    if (ours == TSIG_BADSIG || ours == TSIG_MALFORMED)
        return ours;
    enum tsig_outcome theirs = outcome_of(checked->record.error);
    return theirs == TSIG_GOOD ? ours : theirs;
}

enum tsig_outcome tsig_check_answer(const struct tsig_keyring *keyring, const uint8_t *octets,
                                    size_t length, uint64_t now, struct tsig_session *session)
{
    struct checked checked = {.keyring = keyring, .octets = octets};

    session->error = RCODE_NOERROR;
    enum tsig_outcome outcome = tsig_record_find(octets, length, &checked.place, &checked.record);
    if (outcome != TSIG_GOOD)
        return outcome;
    session->error = checked.record.error;
    return judge_answer(&checked, session, now);
}
