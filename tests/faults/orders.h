/*
 * orders.h - what the faults of a daemon of its own are told, by a test, while it runs.
 *
 * An order is a file beside the program, PROGRAM.orders, mapped by every process before it is
 * confined. Without the file nothing fails. tests/scenario/lab/faults.py writes it.
 */
#ifndef AVOW_TESTS_FAULTS_ORDERS_H
#define AVOW_TESTS_FAULTS_ORDERS_H

#include <stdatomic.h>
#include <stdint.h>

struct fault_orders {
    _Atomic int64_t clock_ahead; /* seconds that the wall clock is ahead of the true one */
    /* Disk: the countdown-th call of a kind in the process `pid` fails with `error`, and so do
     * `length` - 1 calls behind it. */
    _Atomic int32_t pid, call, error, countdown, length;
    _Atomic int32_t hits; /* calls that have failed */
    /* Processes: so many forks are still to fail, so many have. */
    _Atomic int32_t forks, forks_failed;
    _Atomic int32_t recording; /* disk: whether `pid` is to record what it writes */
};

/* NULL: there are none. */
struct fault_orders *fault_orders(void);

/* The file PROGRAM.record, to append to; -1: there is none. */
int fault_record(void);

#endif
