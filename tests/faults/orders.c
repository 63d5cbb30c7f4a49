/* orders.c - the file of orders beside the program. */
#include "orders.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static struct fault_orders *orders;
static int record = -1;

struct fault_orders *fault_orders(void)
{
    return orders;
}

int fault_record(void)
{
    return record;
}

__attribute__((constructor)) static void begin(void)
{
    char path[PATH_MAX];

    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof ".orders");
    if (length < 0)
        return;
    (void)snprintf(path + length, sizeof ".record", ".record");
    record = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    (void)snprintf(path + length, sizeof ".orders", ".orders");
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return;
    void *map = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    (void)close(file);
    orders = map == MAP_FAILED ? NULL : map;
}
