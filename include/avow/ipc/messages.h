/*
 * messages.h - every letter between rooms: one table per link.
 *
 * A link joins an upper and a lower end. Each message has one sender: the end that is named in its
 * row; from the other end it is refused (dispatch.h). A row is
 *
 *     M(link, sender, NAME, name)
 *
 * and FIELDS_name lists its fields in the order in which they are written:
 *
 *     F(kind, field)      kinds: u8 u16 u32 u64 name octets text fd
 *
 * In a frame: integers in network order; a name uncompressed; octets and text after a 32-bit
 * length, a text with its NUL behind it; of a descriptor (fd) only whether there is one, for it
 * travels beside the frame. No message is longer than FRAME_MAX_OCTETS. What the macros make of
 * this: message.h. The file is long because every letter stands here.
 *
 * Floor: ipc.
 */
#ifndef AVOW_IPC_MESSAGES_H
#define AVOW_IPC_MESSAGES_H

/* One frame is one message; a SOCK_SEQPACKET socket keeps them apart. */
enum { FRAME_MAX_OCTETS = 128 * 1024, FRAME_MAX_DESCRIPTORS = 2 };

/* Octets of a share, a batch or a chunk that one message may carry beside its other fields. */
enum { MESSAGE_PIECE_OCTETS = FRAME_MAX_OCTETS - 4096 };

/* The rooms, as messages name them. */
enum room_kind { ROOM_SIGNER, ROOM_KEEPER, ROOM_DESK, ROOM_FRONT, ROOM_VEIL, ROOMS };

/* ---- ROOM: the supervisor (upper) and any room (lower) ---------------------------------------
 *
 * From above, in this order at a start: CONFIGURE (pieces of the room's share of the
 * configuration, `last` set on the last), LOG, PAGE, SOCKET, PEER as the room needs them, START.
 * Later: PEER again when a peer was restarted, RELOAD in pieces (also when only zone files may have
 * changed), LOG (level or file changed), STATE and TAKEN (to the keeper: facts for `avowctl
 * status`), HOOKED (to the keeper), STOP. From below: READY or FAILED once; then RELOADED, RESTART,
 * HOOK.
 */
#define MESSAGES_ROOM(M)                                                                           \
    M(ROOM, UPPER, CONFIGURE, configure)                                                           \
    M(ROOM, UPPER, LOG, log)                                                                       \
    M(ROOM, UPPER, PAGE, page)                                                                     \
    M(ROOM, UPPER, SOCKET, socket)                                                                 \
    M(ROOM, UPPER, PEER, peer)                                                                     \
    M(ROOM, UPPER, START, start)                                                                   \
    M(ROOM, UPPER, RELOAD, reload)                                                                 \
    M(ROOM, UPPER, STATE, state)                                                                   \
    M(ROOM, UPPER, HOOKED, hooked)                                                                 \
    M(ROOM, UPPER, STOP, stop)                                                                     \
    M(ROOM, LOWER, READY, ready)                                                                   \
    M(ROOM, LOWER, FAILED, failed)                                                                 \
    M(ROOM, LOWER, RELOADED, reloaded)                                                             \
    M(ROOM, LOWER, RESTART, restart)                                                               \
    M(ROOM, LOWER, HOOK, hook)                                                                     \
    M(ROOM, UPPER, TAKEN, taken)

#define FIELDS_configure(F) F(u8, last) F(octets, share)
/* level: enum log_level. Target: the descriptor; `syslog` when its lines end up there. */
#define FIELDS_log(F) F(u8, level) F(u8, syslog) F(fd, descriptor)
/* kind: enum page_kind; room: whose it is; writable: whether this room may write it. */
#define FIELDS_page(F) F(u8, kind) F(u8, room) F(u8, writable) F(fd, descriptor)
/* kind: enum socket_kind; worker: whose it is; index: place in its listen or tls.listen. */
#define FIELDS_socket(F) F(u8, kind) F(u16, worker) F(u16, index) F(text, address) F(fd, descriptor)
/* index: the worker for front's channels; ORDERS or BULK between keeper and signer. */
#define FIELDS_peer(F)   F(u8, room) F(u16, index) F(fd, descriptor)
#define FIELDS_start(F)  F(u16, workers)
#define FIELDS_reload(F) F(u8, last) F(octets, share)
/* state: enum room_state; started: seconds since 1970; text: confinement or what went wrong. */
#define FIELDS_state(F)                                                                            \
    F(u8, room) F(u8, state) F(u32, pid) F(u32, restarts) F(u64, started) F(text, text)
#define FIELDS_stop(F)
/* active, missing: bits of enum confine_step; text: the same for people. */
#define FIELDS_ready(F)    F(u32, active) F(u32, missing) F(text, text)
#define FIELDS_failed(F)   F(text, text)
#define FIELDS_reloaded(F) F(u8, ok) F(text, text)
/* The keeper asks for another room to be killed and started anew: it lags or hangs. */
#define FIELDS_restart(F) F(u8, room) F(text, reason)

/* The keeper asks for a zone's hook, which only the supervisor knows; descriptor: a plain file with
 * the zone as text. HOOKED text: what the program said, or why it could not be run. */
#define FIELDS_hook(F)                                                                             \
    F(u32, request)                                                                                \
    F(name, zone)                                                                                  \
    F(u8, served)                                                                                  \
    F(u32, serial)                                                                                 \
    F(u32, served_serial)                                                                          \
    F(u64, names) F(u64, names_served) F(u64, names_gone) F(u64, names_new) F(fd, descriptor)
#define FIELDS_hooked(F) F(u32, request) F(u8, outcome) F(text, text)
enum hook_outcome { HOOK_ACCEPTED, HOOK_REFUSED, HOOK_FAILED };

/* at: when the configuration in use was read; refused_at: when one that was read since then was not
 * taken, or not by all rooms; 0: none was. Seconds since 1970. */
#define FIELDS_taken(F) F(u64, at) F(u64, refused_at)

enum page_kind { PAGE_PUBLISHED, PAGE_READERS, PAGE_METRICS, PAGE_KINDS };
enum socket_kind { SOCKET_UDP, SOCKET_TCP, SOCKET_CONTROL, SOCKET_TLS, SOCKET_KINDS };
enum room_state { ROOM_STATE_STARTING, ROOM_STATE_READY, ROOM_STATE_DOWN, ROOM_STATE_STOPPED };

/* ---- WANTED: keeper (upper) and one worker of the front (lower) ------------------------------
 *
 * The front asks by reference; it never sends data to be signed. `id` is the front's own and comes
 * back. WANT of an RRset: owner and type; of an NSEC3: the owner's hash, owner is the zone's apex;
 * proven: the client has shown that its address is its own. Asking again does no harm.
 */
enum { WANT_UDP_MS = 800, WANT_TCP_MS = 3000 }; /* for how long clients are kept waiting */
enum { UPDATE_SIGNED_MS = 8000 }; /* and updates that have begun, for their signatures */

#define MESSAGES_WANTED(M)                                                                         \
    M(WANTED, LOWER, WANT, want)                                                                   \
    M(WANTED, UPPER, STORED, stored)                                                               \
    M(WANTED, UPPER, NOT_STORED, not_stored)                                                       \
    M(WANTED, UPPER, ALLOWANCE, allowance)

#define FIELDS_want(F)                                                                             \
    F(u64, id) F(u32, version) F(u8, kind) F(u16, type) F(name, owner) F(octets, hash) F(u8, proven)
/* transaction: the commit that has it; a snapshot at least as new will show it. */
#define FIELDS_stored(F)     F(u64, id) F(u64, transaction)
#define FIELDS_not_stored(F) F(u64, id) F(u8, reason)
/* rate: signatures a minute that the tokens make, as measured; the others: how many the worker may
 * have asked for at a time. Sent when it changes. */
#define FIELDS_allowance(F) F(u32, rate) F(u32, unproven) F(u32, proven)

enum want_kind { WANT_RRSET, WANT_NSEC3 };
/* BUSY: ask again later. UNKNOWN: no such RRset now. UNSIGNED: none is due, or no key can sign. */
enum not_stored_reason {
    NOT_STORED_BUSY,
    NOT_STORED_UNKNOWN,
    NOT_STORED_UNSIGNED,
    NOT_STORED_FAILED
};

/* ---- SIGNING: keeper (upper) and signer (lower), over two channels ---------------------------
 *
 * PEER index SIGNING_ORDERS carries keys and urgent batches, SIGNING_BULK the background. A job
 * and a result have the packed forms of sign_job_write and sign_result_write (message.h).
 */
enum { SIGNING_ORDERS, SIGNING_BULK, SIGNING_CHANNELS };

/* KSK: DNSKEY, CDS and CDNSKEY only; ZSK: everything but these; CSK: everything. */
enum signing_role { SIGNING_KSK, SIGNING_ZSK, SIGNING_CSK };

/* What became of a job. REFUSED: policy; UNKNOWN_KEY: KEY_ENSURE again; TOKEN: it failed or is
 * away. */
enum signing_outcome {
    SIGNING_DONE,
    SIGNING_REFUSED,
    SIGNING_UNKNOWN_KEY,
    SIGNING_TOKEN,
    SIGNING_OUTCOMES
};

#define MESSAGES_SIGNING(M)                                                                        \
    M(SIGNING, UPPER, KEY_ENSURE, key_ensure)                                                      \
    M(SIGNING, UPPER, KEY_FORGET, key_forget)                                                      \
    M(SIGNING, UPPER, SIGN, sign)                                                                  \
    M(SIGNING, LOWER, KEY, key)                                                                    \
    M(SIGNING, LOWER, SIGNATURES, signatures)                                                      \
    M(SIGNING, LOWER, TOKEN, token)

/* number: the keeper's name for the key from now on; id: CKA_ID, empty when the signer is to
 * choose one; flags: of the DNSKEY (256 or 257); role: enum signing_role, what it may sign; bits:
 * RSA modulus; validity: the most seconds from now that an expiration may lie. */
#define FIELDS_key_ensure(F)                                                                       \
    F(u32, request)                                                                                \
    F(u32, number)                                                                                 \
    F(name, zone)                                                                                  \
    F(text, keystore)                                                                              \
    F(u8, algorithm)                                                                               \
    F(u16, flags) F(u8, role) F(u16, bits) F(octets, id) F(u8, may_generate) F(u32, validity)
#define FIELDS_key_forget(F) F(u32, number)
#define FIELDS_sign(F)       F(u16, count) F(octets, jobs)
/* dnskey: RDATA, empty unless ok; text: what went wrong, or where the key lies. */
#define FIELDS_key(F)                                                                              \
    F(u32, request)                                                                                \
    F(u32, number) F(u8, ok) F(u8, generated) F(octets, id) F(octets, dnskey) F(text, text)
#define FIELDS_signatures(F) F(u16, count) F(octets, results)
/* rate: signatures in the last second. Sent on change, and once a second while there is work. */
#define FIELDS_token(F) F(text, keystore) F(u8, up) F(u32, rate) F(text, text)

/* ---- HANDOFF: desk (upper) and one worker of the front (lower) -------------------------------
 *
 * A datagram that the front may not answer, unread, and its answer; a connection on which something
 * was asked that it may not answer. socket: the front's own, it comes back; client and local:
 * struct sockaddr octets.
 */
#define MESSAGES_HANDOFF(M)                                                                        \
    M(HANDOFF, LOWER, HANDOFF, handoff)                                                            \
    M(HANDOFF, LOWER, CONNECTION, connection)                                                      \
    M(HANDOFF, UPPER, REPLY, reply)

/* A TCP connection on which something was asked that only the desk does: it moves there for good.
 * unread: what was read from it and is not answered, framed as it came (each message after its
 * 16-bit length; the last one may be incomplete). identity: as in ARRIVAL, or empty. */
#define FIELDS_connection(F)                                                                       \
    F(octets, client) F(octets, local) F(octets, unread) F(octets, identity) F(fd, descriptor)
#define FIELDS_handoff(F) F(u32, socket) F(octets, client) F(octets, local) F(octets, message)
/* trusted: the datagram had a good TSIG. */
#define FIELDS_reply(F)                                                                            \
    F(u8, trusted) F(u32, socket) F(octets, client) F(octets, local) F(octets, message)

/* ---- ARRIVALS: one worker of the front (upper) and the veil (lower) ---------------------------
 *
 * The plain side of a client who came by TLS, the addresses, and who that is (identity.h). */
#define MESSAGES_ARRIVALS(M) M(ARRIVALS, LOWER, ARRIVAL, arrival)
#define FIELDS_arrival(F)    F(octets, client) F(octets, local) F(octets, identity) F(fd, descriptor)

/* ---- CHANGES: keeper (upper) and desk (lower) -------------------------------------------------
 *
 * PEER index DESK_CHANGES of the pair keeper and desk; DESK_WANTED is a WANTED link, as a worker of
 * the front has it, for plain queries that the desk answers.
 */
enum { DESK_CHANGES, DESK_WANTED, DESK_CHANNELS };

#define MESSAGES_CHANGES(M)                                                                        \
    M(CHANGES, LOWER, UPDATE, update)                                                              \
    M(CHANGES, LOWER, SECONDARY, secondary)                                                        \
    M(CHANGES, UPPER, UPDATED, updated)                                                            \
    M(CHANGES, UPPER, CHANGED, changed)

/* An update that is authorised. Records have the packed form of update_record_write (message.h).
 * refusal: the RCODE that is due when the prerequisites hold but the changes are malformed or not
 * allowed; NOERROR: carry them out. who: key and address, for the log. The answer comes when it is
 * stored and signed, or refused, or not to be had in time. */
#define FIELDS_update(F)                                                                           \
    F(u64, id)                                                                                     \
    F(name, zone)                                                                                  \
    F(u16, refusal)                                                                                \
    F(u16, prerequisite_count)                                                                     \
    F(octets, prerequisites) F(u16, change_count) F(octets, changes) F(text, who)
/* serial: of the zone, with the change in it when it is NOERROR. transaction: the commit that has
 * it; 0 when nothing changed. text: why not, for the log; may be empty. */
#define FIELDS_updated(F) F(u64, id) F(u16, rcode) F(u32, serial) F(u64, transaction) F(text, text)
/* A zone has another serial, and all that leads to it is stored and signed: its secondaries are to
 * be told. Also sent for every zone when the desk comes. */
#define FIELDS_changed(F) F(name, zone) F(u32, serial)
/* What a secondary was told, or took: for `avowctl zone status`. event: enum secondary_event. */
#define FIELDS_secondary(F)                                                                        \
    F(name, zone) F(text, address) F(u8, event) F(u32, serial) F(u64, time) F(text, text)

enum secondary_event {
    SECONDARY_NOTIFIED,    /* answered our NOTIFY */
    SECONDARY_SILENT,      /* did not, after all retries; text says why */
    SECONDARY_ASKED,       /* asked for the SOA or a transfer and is up to date */
    SECONDARY_TRANSFERRED, /* took the whole zone at this serial */
    SECONDARY_FOLLOWED,    /* took a difference up to this serial */
    SECONDARY_EVENTS
};

/* ---- CONTROL: keeper (upper) and avowctl (lower), one connection per call --------------------
 *
 * arguments: each with its NUL behind it (arguments_next in message.h): the verb and what
 * follows. CHUNKs are pieces of the text that the verb prints as it is; DONE ends the call.
 */
#define MESSAGES_CONTROL(M)                                                                        \
    M(CONTROL, LOWER, REQUEST, request)                                                            \
    M(CONTROL, UPPER, CHUNK, chunk)                                                                \
    M(CONTROL, UPPER, DONE, done)

#define FIELDS_request(F) F(u8, version) F(octets, arguments)
#define FIELDS_chunk(F)   F(octets, text)
/* code: avowctl's exit code; json: the answer, UTF-8, may be empty; text: a sentence for people. */
#define FIELDS_done(F) F(u8, code) F(octets, json) F(text, text)

enum { CONTROL_VERSION = 1 };

/* ---- all; CONTROL first, so that its numbers stay when the others change ------------------- */

#define LINKS(L) L(CONTROL) L(ROOM) L(WANTED) L(SIGNING) L(HANDOFF) L(ARRIVALS) L(CHANGES)

#define MESSAGES(M)                                                                                \
    MESSAGES_CONTROL(M)                                                                            \
    MESSAGES_ROOM(M)                                                                               \
    MESSAGES_WANTED(M)                                                                             \
    MESSAGES_SIGNING(M) MESSAGES_HANDOFF(M) MESSAGES_ARRIVALS(M) MESSAGES_CHANGES(M)

enum link_kind {
#define LINK_ENUMERATOR(link) LINK_##link,
    LINKS(LINK_ENUMERATOR)
#undef LINK_ENUMERATOR
        LINK_COUNT
};

enum link_end { LINK_UPPER, LINK_LOWER };

#endif
