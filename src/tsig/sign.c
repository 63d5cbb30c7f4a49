/* sign.c - a TSIG put at the end of an answer, or of a request of ours (RFC 8945 section 5.3). */
#include "algorithm.h"
#include "digest.h"

static bool has_tsig(const struct tsig_session *session)
{
    return session->key || session->replies_unsigned;
}

size_t tsig_size(const struct tsig_session *session)
{
    enum { RECORD_FIXED = 10, RDATA_FIXED = 16 };

    if (!has_tsig(session))
        return 0;
    return (size_t)session->key_name.length + RECORD_FIXED + session->algorithm.length +
           RDATA_FIXED +
           (session->replies_unsigned ? 0 : tsig_mac_octets(session->key->algorithm)) +
           (session->error == RCODE_BADTIME ? TSIG_TIME_OCTETS : 0);
}

/* Whether one more record can be added: octets left, and a count left in the header. */
static bool has_room(const struct tsig_session *session, const struct writer *writer)
{
    size_t size = tsig_size(session);

    if (writer->failed || writer->length < MESSAGE_HEADER_OCTETS ||
        size > writer->limit - writer->length || writer->length + size > MESSAGE_MAX_OCTETS)
        return false;
    return writer->octets[HEADER_ADDITIONAL_AT] != 0xff ||
           writer->octets[HEADER_ADDITIONAL_AT + 1] != 0xff;
}

static uint16_t additional_of(const struct writer *writer)
{
    return (uint16_t)(writer->octets[HEADER_ADDITIONAL_AT] << 8 |
                      writer->octets[HEADER_ADDITIONAL_AT + 1]);
}

static enum result make_mac(const struct tsig_keyring *keyring, const struct tsig_session *session,
                            const struct writer *writer, const struct tsig_record *record,
                            uint8_t mac[TSIG_MAX_MAC])
{
    struct tsig_digest digest = tsig_digest_begin(keyring, session->key);

    tsig_digest_prior(&digest, session->mac, session->mac_length);
    tsig_digest_message(&digest, writer->octets, writer->length, session->original_id,
                        additional_of(writer));
    if (session->sent == 0)
        tsig_digest_variables(&digest, record);
    else
        tsig_digest_timers(&digest, record);
    return tsig_digest_end(&digest, mac);
}

/* Give the record its MAC and append it. There is room. */
static enum result append(const struct tsig_keyring *keyring, struct tsig_session *session,
                          struct writer *writer, struct tsig_record *record)
{
    if (!session->replies_unsigned) {
        uint8_t mac[TSIG_MAX_MAC];
        if (make_mac(keyring, session, writer, record, mac))
            return RESULT_SYSTEM;
        session->mac_length = (uint8_t)tsig_mac_octets(session->key->algorithm);
        memcpy(session->mac, mac, session->mac_length);
        record->mac = session->mac;
        record->mac_length = session->mac_length;
    }
    tsig_record_write(writer, record);
    uint16_t additional = (uint16_t)(additional_of(writer) + 1);
    writer->octets[HEADER_ADDITIONAL_AT] = (uint8_t)(additional >> 8);
    writer->octets[HEADER_ADDITIONAL_AT + 1] = (uint8_t)additional;
    return writer_check(writer);
}

static void begin_record(struct tsig_record *record, const struct tsig_session *session,
                         uint64_t now)
{
    name_copy(&record->owner, &session->key_name);
    name_copy(&record->algorithm, &session->algorithm);
    record->time_signed = now;
    record->fudge = TSIG_FUDGE;
    record->mac = NULL;
    record->mac_length = 0;
    record->original_id = session->original_id;
    record->error = session->error;
    record->other = NULL;
    record->other_length = 0;
}

enum result tsig_sign(const struct tsig_keyring *keyring, struct tsig_session *session,
                      struct writer *writer, uint64_t now)
{
    struct tsig_record record;
    uint8_t ours[TSIG_TIME_OCTETS];
    struct writer other = writer_over(ours, sizeof ours);

    if (!has_tsig(session))
        return RESULT_OK;
    if (!has_room(session, writer)) {
        writer->failed = true;
        return RESULT_FULL;
    }
    begin_record(&record, session, now);
    if (session->error == RCODE_BADTIME) {
        /* The client's own time, so that the client finds the answer in time (section 5.2.3). */
        record.time_signed = session->time_signed;
        record.fudge = session->fudge;
        tsig_time_write(&other, now);
        record.other = ours;
        record.other_length = sizeof ours;
    }
    enum result result = append(keyring, session, writer, &record);
    if (!result)
        session->sent++;
    return result;
}

enum result tsig_request(const struct tsig_keyring *keyring, const struct tsig_key *key,
                         struct tsig_session *session, struct writer *writer, uint64_t now)
{
    struct tsig_record record;

    *session = (struct tsig_session){.key = key, .time_signed = now, .fudge = TSIG_FUDGE};
    name_copy(&session->key_name, &key->name);
    name_copy(&session->algorithm, tsig_algorithm_name(key->algorithm));
    if (!has_room(session, writer)) {
        writer->failed = true;
        return RESULT_FULL;
    }
    session->original_id = (uint16_t)(writer->octets[0] << 8 | writer->octets[1]);
    begin_record(&record, session, now);
    return append(keyring, session, writer, &record);
}
