/*
 * order.h - things in order of a key of octets, to be found by it and by their neighbours.
 *
 * A skip list that owns nothing: whoever puts a thing in keeps it, and its key, until the list is
 * given up. Nothing is taken out singly. A zeroed list is an empty one.
 */
#ifndef KEEPER_ORDER_H
#define KEEPER_ORDER_H

#include <stddef.h>
#include <stdint.h>

enum { ORDER_LEVELS = 16 };

/* First member of a thing that lies in a list. */
struct order_item {
    const uint8_t *key;
    size_t length;
    struct order_item *next[ORDER_LEVELS];
};

struct order {
    struct order_item *first[ORDER_LEVELS];
    uint64_t chance; /* any number: how high the next item reaches */
    size_t count;
};

/* The item of exactly this key; NULL. */
struct order_item *order_find(const struct order *order, const uint8_t *key, size_t length);

/* The first item whose key is at or after this one; NULL. A length of 0: the first of all. */
struct order_item *order_from(const struct order *order, const uint8_t *key, size_t length);

/* The last item whose key is before this one; NULL. */
struct order_item *order_before(const struct order *order, const uint8_t *key, size_t length);

/* The last of all; NULL. */
struct order_item *order_last(const struct order *order);

static inline struct order_item *order_next(const struct order_item *item)
{
    return item->next[0];
}

/* Put in an item, key and length set, whose key is not there. */
void order_insert(struct order *order, struct order_item *item);

#endif
