/* letter.h - one frame in or out of a socket, for this floor. */
#ifndef AVOW_IPC_LETTER_H
#define AVOW_IPC_LETTER_H

#include "avow/ipc/channel.h"

/* A frame by reference. */
struct letter_octets {
    const uint8_t *octets;
    size_t length;
    const int *descriptors;
    unsigned descriptor_count;
};

enum letter_outcome letter_send_octets(int descriptor, const struct letter_octets *letter,
                                       enum letter_wait wait);

enum letter_outcome letter_send_frame(int descriptor, const struct frame *frame,
                                      enum letter_wait wait);

/* A duplicate that is closed on exec; -1 when there is no descriptor left. */
int letter_duplicate(int descriptor);

#endif
