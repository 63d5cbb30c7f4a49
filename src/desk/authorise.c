/* authorise.c - key and address together against a zone's access lists, before anything is spent.
 */
#include "internal.h"

enum { LINES_PER_MINUTE = 30 };

struct config_peer authorise_peer(const struct ticket *ticket)
{
    const struct tsig_key *key = ticket->tsig.key;

    return (struct config_peer){.key = key ? key->context : NULL,
                                .family = ticket->origin.peer.family,
                                .address = ticket->origin.peer.octets};
}

void authorise_tell(struct desk *desk, const struct ticket *ticket, const struct name *zone,
                    const char *why)
{
    static const char *const verbs[] = {
        [OPCODE_QUERY] = "a transfer", [OPCODE_NOTIFY] = "a NOTIFY", [OPCODE_UPDATE] = "an update"};
    char who[TICKET_WHO_OCTETS], text[NAME_MAX_TEXT];
    size_t opcode = header_opcode(&ticket->header);

    log_limited(&desk->refusal_lines, LINES_PER_MINUTE, desk->now_ms, "%s of %s by %s: %s",
                opcode < COUNT(verbs) && verbs[opcode] ? verbs[opcode] : "a request",
                name_to_text(zone, text), ticket_who(ticket, who), why);
}

const struct config_zone *authorise(struct desk *desk, struct request *request,
                                    authorise_list *allowed)
{
    const struct question *question = &request->question;
    struct config_peer peer = authorise_peer(&request->ticket);
    const struct config_zone *zone =
        question->class_ == CLASS_IN ? config_zone_find(desk->config, &question->name) : NULL;

    if (!zone) { /* RFC 5936 section 2.2.1, RFC 2136 section 3.1.2 */
        authorise_tell(desk, &request->ticket, &question->name, "not a zone of ours");
        (void)reply_code(desk, &request->ticket, RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE);
        return NULL;
    }
    if (!allowed(zone, &peer)) {
        metric_add(desk->metrics,
                   allowed == config_update_allowed ? METRIC_UPDATES_REFUSED
                                                    : METRIC_TRANSFERS_REFUSED,
                   1);
        authorise_tell(desk, &request->ticket, &question->name, "refused, no entry allows it");
        (void)reply_code(desk, &request->ticket, RCODE_REFUSED, EDE_PROHIBITED);
        return NULL;
    }
    request->trusted = true;
    return zone;
}
