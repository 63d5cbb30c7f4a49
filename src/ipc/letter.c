/* letter.c - one frame in or out of a socket, by one system call. */
#include "letter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* Signing batches and hand-offs come in bursts; beyond this the queue of a channel begins. */
    SEND_BUFFER_OCTETS = 1024 * 1024
};

/* Room for the descriptors of one frame, aligned as the kernel wants it. */
union ancillary {
    struct cmsghdr header;
    uint8_t octets[CMSG_SPACE(sizeof(int) * FRAME_MAX_DESCRIPTORS)];
};

void channel_prepare(int descriptor)
{
    int octets = SEND_BUFFER_OCTETS;

    /* Beyond net.core.wmem_max only with CAP_NET_ADMIN; the default already holds a whole frame. */
    if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets))
        (void)setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &octets, sizeof octets);
}

enum result channel_pair(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return RESULT_SYSTEM;
    channel_prepare(ends[0]);
    channel_prepare(ends[1]);
    return RESULT_OK;
}

int letter_duplicate(int descriptor)
{
    return fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
}

static void attach(struct msghdr *header, union ancillary *ancillary,
                   const struct letter_octets *letter)
{
    size_t octets = sizeof(int) * letter->descriptor_count;

    memset(ancillary, 0, sizeof *ancillary);
    header->msg_control = ancillary->octets;
    header->msg_controllen = CMSG_SPACE(octets);
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(octets);
    memcpy(CMSG_DATA(control), letter->descriptors, octets);
}

static enum letter_outcome outcome_of_errno(void)
{
    switch (errno) {
    case EAGAIN:
    case ENOBUFS: /* the kernel is short of memory, or too many descriptors are on their way: both
                   */
    case ENOMEM:  /* pass */
    case ETOOMANYREFS:
        return LETTER_BUSY;
    case EMSGSIZE:
        return LETTER_BAD;
    default:
        return LETTER_CLOSED;
    }
}

enum letter_outcome letter_send_octets(int descriptor, const struct letter_octets *letter,
                                       enum letter_wait wait)
{
    union ancillary ancillary;
    struct iovec piece = {.iov_base = (void *)letter->octets, .iov_len = letter->length};
    struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1};
    int flags = MSG_NOSIGNAL | (wait == LETTER_NOW ? MSG_DONTWAIT : 0);
    ssize_t sent;

    if (letter->descriptor_count)
        attach(&header, &ancillary, letter);
    do
        sent = sendmsg(descriptor, &header, flags);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? outcome_of_errno() : LETTER_DONE;
}

enum letter_outcome letter_send_frame(int descriptor, const struct frame *frame,
                                      enum letter_wait wait)
{
    struct letter_octets letter = {frame->octets, frame->length, frame->descriptors,
                                   frame->descriptor_count};
    return letter_send_octets(descriptor, &letter, wait);
}

enum letter_outcome letter_send(int descriptor, const struct message *message, struct frame *frame,
                                enum letter_wait wait)
{
    if (message_write(message, frame))
        return LETTER_BAD;
    enum letter_outcome outcome = letter_send_frame(descriptor, frame, wait);
    frame->descriptor_count = 0; /* they are the sender's: frame_close must not touch them */
    return outcome;
}

/* Whatever arrived beside the frame is ours now, wanted or not: what has no place is closed. */
static void detach(struct msghdr *header, struct frame *frame)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
         control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(control) + i * sizeof(int), sizeof descriptor);
            if (frame->descriptor_count < FRAME_MAX_DESCRIPTORS)
                frame->descriptors[frame->descriptor_count++] = descriptor;
            else
                close(descriptor);
        }
    }
}

enum letter_outcome letter_receive(int descriptor, struct frame *frame, enum letter_wait wait)
{
    union ancillary ancillary;
    struct iovec piece = {.iov_base = frame->octets, .iov_len = sizeof frame->octets};
    struct msghdr header = {.msg_iov = &piece,
                            .msg_iovlen = 1,
                            .msg_control = ancillary.octets,
                            .msg_controllen = sizeof ancillary.octets};
    int flags = MSG_CMSG_CLOEXEC | (wait == LETTER_NOW ? MSG_DONTWAIT : 0);
    ssize_t length;

    frame->length = 0;
    frame->descriptor_count = 0;
    do
        length = recvmsg(descriptor, &header, flags);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return errno == EAGAIN ? LETTER_BUSY : LETTER_CLOSED;

    detach(&header, frame);
    if (length == 0) {
        frame_close(frame);
        return LETTER_CLOSED;
    }
    if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        frame_close(frame);
        return LETTER_BAD;
    }
    frame->length = (size_t)length;
    return LETTER_DONE;
}
