/* notify_message.c - a NOTIFY as we send it, and what counts as an answer to it (RFC 1996). */
#include "notify_message.h"

/* ---- out -------------------------------------------------------------------------------------*/

enum result notify_write(const struct notify_terms *terms, struct notify_sent *sent,
                         struct writer *writer)
{
    struct header header = {
        .id = sent->id, .flags = OPCODE_NOTIFY << 11 | FLAG_AA, .counts = {[SECTION_QUESTION] = 1}};
    struct tsig_session session;

    sent->time_signed = terms->now;
    sent->mac_length = 0;
    header_write(writer, &header);
    name_write(writer, terms->zone);
    writer_u16(writer, TYPE_SOA);
    writer_u16(writer, CLASS_IN);
    if (!terms->key || writer->failed)
        return writer_check(writer);
    enum result result = tsig_request(terms->keyring, terms->key, &session, writer, terms->now);
    if (result)
        return result;
    sent->mac_length = session.mac_length;
    memcpy(sent->mac, session.mac, session.mac_length);
    return RESULT_OK;
}

/* ---- in --------------------------------------------------------------------------------------*/

/* Servers that do not know the opcode, or what to make of the message, may leave the question out.
 */
static bool may_be_bare(uint16_t rcode)
{
    return rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP;
}

static bool echoes_question(struct reader *message, const struct header *header,
                            const struct name *zone)
{
    struct question question;

    if (header->counts[SECTION_QUESTION] == 0)
        return may_be_bare(header->flags & FLAG_RCODE);
    question_read(message, &question);
    return header->counts[SECTION_QUESTION] == 1 && !message->failed && question.type == TYPE_SOA &&
           question.class_ == CLASS_IN && name_equal(&question.name, zone);
}

static const char *their_words(uint16_t error)
{
    switch (error) {
    case RCODE_BADKEY:
        return "it does not know the TSIG key (BADKEY)";
    case RCODE_BADSIG:
        return "it finds the signature wrong: its secret is another one (BADSIG)";
    case RCODE_BADTIME:
        return "its clock is another one (BADTIME)";
    default:
        return "it refuses the TSIG";
    }
}

static const char *our_words(enum tsig_outcome outcome)
{
    switch (outcome) {
    case TSIG_ABSENT:
        return "its answer is not signed";
    case TSIG_BADKEY:
        return "its answer is signed with another TSIG key";
    case TSIG_BADSIG:
        return "its answer is signed with another secret";
    case TSIG_BADTIME:
        return "its clock is another one";
    case TSIG_BADTRUNC:
        return "its answer's signature is too short";
    case TSIG_MALFORMED:
    case TSIG_GOOD:
        break;
    }
    return "its answer's TSIG is malformed";
}

/* NULL when it is signed as it has to be. */
static const char *distrust(const struct notify_terms *terms, const struct notify_sent *sent,
                            const uint8_t *octets, size_t length)
{
    struct tsig_session session = {.key = terms->key,
                                   .time_signed = sent->time_signed,
                                   .fudge = TSIG_FUDGE,
                                   .original_id = sent->id,
                                   .mac_length = sent->mac_length};
    struct name algorithm;

    if (name_from_string(tsig_algorithm_to_text(terms->key->algorithm), &algorithm))
        return "its TSIG key has no algorithm";
    name_copy(&session.key_name, &terms->key->name);
    name_copy(&session.algorithm, &algorithm);
    memcpy(session.mac, sent->mac, sent->mac_length);
    enum tsig_outcome outcome =
        tsig_check_answer(terms->keyring, octets, length, terms->now, &session);
    if (outcome == TSIG_GOOD)
        return NULL;
    return session.error ? their_words(session.error) : our_words(outcome);
}

enum notify_verdict notify_judge(const struct notify_terms *terms, const struct notify_sent *sent,
                                 const uint8_t *octets, size_t length, struct notify_answer *answer)
{
    struct reader message = reader_over(octets, length);
    struct header header;

    header_read(&message, &header);
    if (message.failed || header.id != sent->id || !(header.flags & FLAG_QR) ||
        header_opcode(&header) != OPCODE_NOTIFY || !echoes_question(&message, &header, terms->zone))
        return NOTIFY_FOREIGN;
    answer->rcode = header.flags & FLAG_RCODE;
    answer->text = terms->key ? distrust(terms, sent, octets, length) : NULL;
    return answer->text ? NOTIFY_UNTRUSTED : NOTIFY_ANSWERED;
}
