/*
 * share.h - the part of the configuration that one room may know, as octets.
 *
 * The supervisor writes a share for each room and sends it in pieces; the room reads it. Beside the
 * server's settings (all but the path of the control socket and of the pid file), log and zones by
 * name, a share holds:
 *
 *     front    nothing but: which zones are signed, of each policy the denial; the rate limit, and
 *              which zones it is for
 *     desk     TSIG keys with their secrets, every zone's access lists and notify; limits of
 *              transfers and of updates
 *     keeper   policies, and keystores by name; every zone's file and how it changes, whom notify
 *              names (without keys), and what the entries of allow-update let somebody change
 *              (entries that match nobody: their address is of CONFIG_FAMILY_NONE, and a key's own
 *              name is written out); limits of updates
 *     signer   policies; keystores with module, URI, environment and PIN
 *     veil     certificate, key and authorities of server.tls, and no zone; the seal, which the
 * desk has as well
 *
 * A TSIG secret is in the desk's share alone, a PIN in the signer's alone, the key of TLS in the
 * veil's alone. All must have been
 * loaded (CONFIG_SECRETS) when the share is written. Floor: config.
 */
#ifndef AVOW_CONFIG_SHARE_H
#define AVOW_CONFIG_SHARE_H

#include <stddef.h>
#include <stdint.h>

#include "avow/base/buffer.h"
#include "avow/base/result.h"
#include "avow/config/config.h"

/* In the order of enum room_kind of the letters between rooms. */
enum share_room { SHARE_SIGNER, SHARE_KEEPER, SHARE_DESK, SHARE_FRONT, SHARE_VEIL, SHARE_ROOMS };

/*
 * Append a room's share to `share`, which is a secret buffer from then on: some shares hold
 * secrets.
 *
 * Returns  RESULT_OK, or RESULT_SYSTEM when memory ran out.
 */
MUST_CHECK enum result share_write(const struct config *config, enum share_room room,
                                   struct buffer *share);

/*
 * Read a share.
 *
 * octets   The whole share, all pieces joined.
 * config   Caller's storage, written here; empty unless RESULT_OK. Give back with config_free.
 *
 * Returns  RESULT_OK; RESULT_FORMAT when it is malformed or of another version of the program;
 *          RESULT_SYSTEM when memory ran out.
 */
MUST_CHECK enum result share_read(const uint8_t *octets, size_t length, struct config *config);

#endif
