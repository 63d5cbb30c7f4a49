/*
 * transfer.h - a zone, or what changed in it, as a stream of DNS messages.
 *
 * AXFR (RFC 5936) and IXFR (RFC 1995), over TCP, and IXFR over UDP. No socket, no TSIG, no access
 * list: who calls has decided that the peer may have the zone, signs each message and sends it.
 *
 * No snapshot is held between two messages, however slow the peer: each one renews the caller's
 * snapshot and lets go of it. The zone may change in between as often as it likes. The stream is
 * still exactly the zone at the serial of its first SOA: what the journal says has changed since is
 * taken back, record by record, in what is still to be sent. When that cannot be (the journal no
 * longer leads, a new version was loaded, too much changed) the stream fails, and the peer asks
 * again.
 */
#ifndef DESK_TRANSFER_H
#define DESK_TRANSFER_H

#include "avow/room/metrics.h"
#include "avow/store/zones.h"
#include "avow/wire/edns.h"

/* What is asked. Copied, but for what edns_reply points to. */
struct transfer_request {
    struct name zone;
    uint16_t type;   /* TYPE_AXFR or TYPE_IXFR */
    uint32_t serial; /* the peer's, of the SOA in the query's authority section; for IXFR */
    bool udp;        /* the answer is one message: IXFR only */
    uint16_t id;
    uint16_t flags;          /* of the query's header: RD is copied */
    const uint8_t *question; /* name, type, class: echoed octet for octet in the first message */
    size_t question_octets;
    bool edns;                    /* the query had an OPT: the first message gets one */
    bool padded;                  /* and is to be padded: then every message gets one */
    size_t behind;                /* octets that the caller adds to each message: its TSIG */
    bool expire;                  /* and asked for EXPIRE (RFC 7314): filled in here */
    struct edns_reply edns_reply; /* what else that OPT says; its octets outlive the stream */
};

struct transfer_source {
    struct snapshot *snapshot;      /* at rest before and after each call */
    struct metrics_stripe *metrics; /* may be NULL */
    /* Octets of the journal up to which differences are condensed into one, read and held in memory
     * at once. 0: TRANSFER_CONDENSED. */
    uint64_t condensed;
};

/* Some 30,000 records: a few milliseconds of the loop's time. */
enum { TRANSFER_CONDENSED = 4 << 20 };

/* How a transfer began. But for BEGUN there is no stream, and the caller answers. */
enum transfer_begun {
    TRANSFER_BEGUN,
    TRANSFER_ABSENT,    /* no such zone, or none is loaded yet: NOTAUTH */
    TRANSFER_NOT_READY, /* not all signatures are there: SERVFAIL, Not Ready (RFC 8914 4.15) */
    TRANSFER_EXPIRED,   /* SERVFAIL */
    TRANSFER_DAMAGED,   /* SERVFAIL; counted as STORE_CORRUPT */
    TRANSFER_NO_MEANS   /* no memory, or no snapshot just now: SERVFAIL */
};

/* A stream. */
struct transfer;

/*
 * Begin.
 *
 * transfer  Receives the stream when TRANSFER_BEGUN, NULL otherwise; the caller frees it.
 *
 * What the answer will be is decided here: the whole zone; the differences from the peer's serial,
 * each by itself, or condensed into one when they are few; the SOA alone when the peer has the
 * served serial or a newer one (RFC 1982), or when over UDP more would be needed (RFC 1995
 * section 2). Differences larger than the zone give the whole zone. The work is bounded: the
 * journal is read up to source->condensed octets, or the zone's own size if that is more.
 *
 * Counts AXFR_ASKED, IXFR_ASKED, IXFR_CURRENT, IXFR_WHOLE.
 */
MUST_CHECK enum transfer_begun transfer_begin(const struct transfer_source *source,
                                              const struct transfer_request *request,
                                              struct transfer **transfer);

enum transfer_step {
    TRANSFER_MESSAGE, /* and there are more */
    TRANSFER_LAST,    /* the last one */
    TRANSFER_LATER, /* nothing was written: go on in another turn of the loop. The keeper is between
                     * two states, or much was changed and is being caught up with slice by slice */
    TRANSFER_FAILED /* nothing more comes: close the connection */
};

/*
 * The next message.
 *
 * message  Empty, over MESSAGE_MAX_OCTETS; its limit is what the message may have without its
 *          TSIG. Over UDP: what the datagram may have without its TSIG.
 *
 * Messages are filled to about 16 KiB; one that begins with a larger record is as large as that
 * needs. Counts AXFR_DONE or IXFR_DONE with the last message.
 */
MUST_CHECK enum transfer_step transfer_next(struct transfer *transfer, struct writer *message);

/*
 * For a stream whose peer does not read: take notice of what has changed, before the journal
 * forgets it. To be called every now and then (once a second) while no message can be sent.
 * TRANSFER_FAILED as transfer_next; anything else: the stream goes on.
 */
MUST_CHECK enum transfer_step transfer_keep_up(struct transfer *transfer);

/* The serial of the stream's first SOA, and what the stream is: for the log, and for who asks which
 * secondary has what. */
enum transfer_kind {
    TRANSFER_WHOLE,      /* the zone */
    TRANSFER_DIFFERENCE, /* what changed */
    TRANSFER_UP_TO_DATE, /* the SOA alone: the peer has this serial */
    TRANSFER_HINT        /* the SOA alone: the peer is to ask by TCP, or has a newer serial */
};
uint32_t transfer_serial(const struct transfer *transfer);
enum transfer_kind transfer_kind(const struct transfer *transfer);

/* NULL is fine. */
void transfer_free(struct transfer *transfer);

#endif
