/*
 * shortage.h - errors of accept(2) that say nothing of the client: there is no descriptor or no
 * memory for it. It stays in the queue, which stays readable: who simply asks again, spins.
 *
 * Floor: base.
 */
#ifndef AVOW_BASE_SHORTAGE_H
#define AVOW_BASE_SHORTAGE_H

#include <errno.h>
#include <stdbool.h>

static inline bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

#endif
