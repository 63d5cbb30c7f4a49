/*
 * notify_socket.h - NOTIFY to secondaries: the sockets and the timer of notify.h.
 *
 * Opened before the room is confined: there can be no other sockets afterwards. There is one for
 * each family, on a port of the kernel's choice. Peers know their primary by its address, so that
 * each is bound to the first address of server.listen of its family that is not a loopback address;
 * to a loopback address when there are only such. When that is a wildcard, or nothing listens on
 * the family, the kernel chooses for each peer.
 */
#ifndef AVOW_SRC_DESK_NOTIFY_SOCKET_H
#define AVOW_SRC_DESK_NOTIFY_SOCKET_H

#include <ev.h>

#include "notify.h"

struct notifier;

/* Letters to the keeper, as notify_outlets have them. */
typedef bool notifier_letter(void *context, const struct message *message);

/* NULL without memory. A socket that cannot be had is told, and is no failure: messages by it fail.
 * Nobody is told of anything until notifier_adopt. */
MUST_CHECK struct notifier *notifier_open(struct ev_loop *loop, const struct config_server *server,
                                          struct metrics_stripe *metrics, notifier_letter *letter,
                                          void *context);
void notifier_free(struct notifier *notifier); /* NULL is fine */

/* A configuration, at the start and later: notify_plan, then this or notify_discard. */
void notifier_adopt(struct notifier *notifier, struct notify_table *plan,
                    const struct tsig_keyring *keyring);

/* The letter CHANGED. */
void notifier_changed(struct notifier *notifier, const struct name *zone, uint32_t serial);

#endif
