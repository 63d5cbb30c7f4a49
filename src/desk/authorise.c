/* authorise.c - key and address together against a zone's access lists, before anything is spent.
 */
#include <stdio.h>

#include "internal.h"

enum { LINES_PER_MINUTE = 30 };

struct config_peer authorise_peer(const struct ticket *ticket)
{
    const struct tsig_key *key = ticket->tsig.key;
    const struct identity *identity = ticket->origin.identity;
    struct config_peer peer = {.key = key ? key->context : NULL,
                               .family = ticket->origin.peer.family,
                               .address = ticket->origin.peer.octets};

    if (identity && identity->is_dot) {
        peer.tls = true;
        peer.pin = identity->has_pin ? identity->pin : NULL;
        peer.names = identity->names;
        peer.name_count = identity->name_count;
    }
    return peer;
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

/* RFC 9103 section 8.4: a transfer by TLS takes ALPN "dot". */
static bool lacks_dot(const struct ticket *ticket, authorise_list *allowed)
{
    return allowed == config_transfer_allowed && ticket->origin.encrypted &&
           !ticket->origin.identity->is_dot;
}

/* The zone leaves by TLS alone, and this was none. */
static bool is_bare(const struct config_zone *zone, const struct config_peer *peer,
                    authorise_list *allowed)
{
    return allowed == config_transfer_allowed && zone->transfer_tls_only && !peer->tls;
}

static void count_refusal(struct desk *desk, const struct config_zone *zone,
                          const struct config_peer *peer, authorise_list *allowed)
{
    metric_add(desk->metrics,
               allowed == config_update_allowed ? METRIC_UPDATES_REFUSED : METRIC_TRANSFERS_REFUSED,
               1);
    metric_add(desk->metrics, METRIC_TRANSFERS_BARE, is_bare(zone, peer, allowed));
}

/* Why the names of the certificate that was shown do not count. */
static const char *why_nameless(const struct origin *origin)
{
    static const char *const words[IDENTITY_VERDICTS] = {
        [IDENTITY_VOUCHED] = "",
        [IDENTITY_OF_NOBODY] = "; no authority that is known vouches for the certificate",
        [IDENTITY_TOO_EARLY] = "; the certificate, or its authority's, is not valid yet",
        [IDENTITY_TOO_LATE] = "; the certificate, or its authority's, has ended",
        [IDENTITY_BAD] = "; the certificate is not one that its authority lets clients show",
    };

    return origin->identity ? words[origin->identity->verdict] : "";
}

static void tell_refusal(struct desk *desk, const struct request *request,
                         const struct config_zone *zone, const struct config_peer *peer,
                         authorise_list *allowed)
{
    char why[160];

    (void)snprintf(why, sizeof why, "refused, %s%s",
                   is_bare(zone, peer, allowed) ? "it is sent by TLS alone, with ALPN dot"
                                                : "no entry allows it",
                   why_nameless(&request->ticket.origin));
    authorise_tell(desk, &request->ticket, &request->question.name, why);
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
    if (!allowed(zone, &peer) || lacks_dot(&request->ticket, allowed)) {
        count_refusal(desk, zone, &peer, allowed);
        tell_refusal(desk, request, zone, &peer, allowed);
        (void)reply_code(desk, &request->ticket, RCODE_REFUSED, EDE_PROHIBITED);
        return NULL;
    }
    request->trusted = true;
    return zone;
}
