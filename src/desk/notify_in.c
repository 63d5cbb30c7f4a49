/* notify_in.c - NOTIFY from others: of every zone here we are the primary, so it tells us nothing.
 */
#include "internal.h"

/* RFC 1996 section 3.10: who is not served is not to be told about. A zone that is served is
 * acknowledged, so that whoever tells us stops doing so. */
enum taken notify_in_take(struct desk *desk, struct request *request)
{
    const struct question *question = &request->question;
    char who[TICKET_WHO_OCTETS], zone[NAME_MAX_TEXT];

    metric_add(desk->metrics, METRIC_NOTIFIES_RECEIVED, 1);
    if (question->class_ != CLASS_IN || !config_zone_find(desk->config, &question->name))
        return reply_code(desk, &request->ticket, RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE);
    if (log_wants(LOG_LEVEL_DEBUG))
        log_debug("a NOTIFY of %s by %s: we are its primary", name_to_text(&question->name, zone),
                  ticket_who(&request->ticket, who));
    return reply_code(desk, &request->ticket, RCODE_NOERROR, EDE_NONE);
}
