/* order.c - things in order of a key of octets. */
#include "order.h"

#include "avow/store/key.h"

/* The links that lead from an item, or from the start. */
static struct order_item *const *links_of(const struct order *order, const struct order_item *item)
{
    return item ? item->next : order->first;
}

/* The last item before the key on each level (NULL: the start), from the highest down. Returns that
 * of the lowest. */
static struct order_item *descend(const struct order *order, const uint8_t *key, size_t length,
                                  struct order_item **path)
{
    struct order_item *at = NULL;

    for (unsigned level = ORDER_LEVELS; level-- > 0;) {
        struct order_item *next;
        while ((next = links_of(order, at)[level]) &&
               store_key_compare(next->key, next->length, key, length) < 0)
            at = next;
        if (path)
            path[level] = at;
    }
    return at;
}

struct order_item *order_before(const struct order *order, const uint8_t *key, size_t length)
{
    return descend(order, key, length, NULL);
}

struct order_item *order_from(const struct order *order, const uint8_t *key, size_t length)
{
    return links_of(order, descend(order, key, length, NULL))[0];
}

struct order_item *order_find(const struct order *order, const uint8_t *key, size_t length)
{
    struct order_item *item = order_from(order, key, length);

    return item && store_key_equal(item->key, item->length, key, length) ? item : NULL;
}

struct order_item *order_last(const struct order *order)
{
    struct order_item *at = NULL;

    for (unsigned level = ORDER_LEVELS; level-- > 0;) {
        while (links_of(order, at)[level])
            at = links_of(order, at)[level];
    }
    return at;
}

/* Half of the items reach the second level, a quarter the third, and so on. */
static unsigned choose_levels(struct order *order)
{
    unsigned levels = 1;

    order->chance = order->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    for (uint64_t bits = order->chance >> 32; bits & 1 && levels < ORDER_LEVELS; bits >>= 1)
        levels++;
    return levels;
}

void order_insert(struct order *order, struct order_item *item)
{
    struct order_item *path[ORDER_LEVELS];
    unsigned levels = choose_levels(order);

    (void)descend(order, item->key, item->length, path);
    for (unsigned level = 0; level < levels; level++) {
        struct order_item **link = path[level] ? &path[level]->next[level] : &order->first[level];
        item->next[level] = *link;
        *link = item;
    }
    for (unsigned level = levels; level < ORDER_LEVELS; level++)
        item->next[level] = NULL;
    order->count++;
}
