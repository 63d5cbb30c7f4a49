/* ecdsa_table.c - ECDSA signatures by one key, verified with a table of its multiples. */

/* OpenSSL 3 has the tables only behind functions that it advises against; it has no others. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "ecdsa_table.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct ecdsa_table {
    EC_GROUP *group;  /* the curve, */
    EC_GROUP *by_key; /* and the curve with the key's point as its generator: it has the table */
    EC_POINT *left, *right;
    BN_CTX *work;
};

enum { POINT_MAX_OCTETS = 1 + 2 * 32, GROUP_NAME_OCTETS = 32 };

/* ---- the table ---------------------------------------------------------------------------------
 */

static EC_GROUP *group_of(const EVP_PKEY *key)
{
    char name[GROUP_NAME_OCTETS];
    size_t length;

    if (EVP_PKEY_get_group_name(key, name, sizeof name, &length) != 1)
        return NULL;
    return EC_GROUP_new_by_curve_name(OBJ_txt2nid(name));
}

static bool take_key(struct ecdsa_table *table, const EVP_PKEY *key)
{
    uint8_t octets[POINT_MAX_OCTETS];
    size_t length;

    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, octets, sizeof octets,
                                           &length) == 1 &&
           EC_POINT_oct2point(table->group, table->left, octets, length, table->work) == 1 &&
           EC_GROUP_set_generator(table->by_key, table->left, EC_GROUP_get0_order(table->group),
                                  EC_GROUP_get0_cofactor(table->group)) == 1;
}

struct ecdsa_table *ecdsa_table_make(const struct evp_pkey_st *key)
{
    struct ecdsa_table *table = calloc(1, sizeof *table);

    if (!table)
        return NULL;
    table->group = group_of(key);
    table->by_key = table->group ? EC_GROUP_dup(table->group) : NULL;
    table->left = table->group ? EC_POINT_new(table->group) : NULL;
    table->right = table->group ? EC_POINT_new(table->group) : NULL;
    table->work = BN_CTX_new();
    /* Curves that come without a table of their generator take one, and do not look at it when
     * there is nothing but the generator to multiply. */
    if (table->by_key && EC_GROUP_have_precompute_mult(table->group) == 1 && table->left &&
        table->right && table->work && take_key(table, key) &&
        EC_GROUP_precompute_mult(table->by_key, table->work) == 1 &&
        EC_GROUP_have_precompute_mult(table->by_key) == 1)
        return table;
    ecdsa_table_free(table);
    return NULL;
}

void ecdsa_table_free(struct ecdsa_table *table)
{
    if (!table)
        return;
    BN_CTX_free(table->work);
    EC_POINT_free(table->right);
    EC_POINT_free(table->left);
    EC_GROUP_free(table->by_key);
    EC_GROUP_free(table->group);
    free(table);
}

/* ---- verification ------------------------------------------------------------------------------
 */

struct numbers {
    BIGNUM *r, *s, *hash, *inverse, *x;
};

static bool is_in_range(const BIGNUM *number, const BIGNUM *order)
{
    return !BN_is_zero(number) && BN_cmp(number, order) < 0;
}

/* left = (hash/s) G + (r/s) Q. The hash is as long as the order, so that none of it is cut off. */
static bool find_point(struct ecdsa_table *table, const struct numbers *numbers)
{
    const BIGNUM *order = EC_GROUP_get0_order(table->group);
    BIGNUM *factor = numbers->x;

    return BN_mod_inverse(numbers->inverse, numbers->s, order, table->work) &&
           BN_mod_mul(factor, numbers->hash, numbers->inverse, order, table->work) == 1 &&
           EC_POINT_mul(table->group, table->left, factor, NULL, NULL, table->work) == 1 &&
           BN_mod_mul(factor, numbers->r, numbers->inverse, order, table->work) == 1 &&
           EC_POINT_mul(table->by_key, table->right, factor, NULL, NULL, table->work) == 1 &&
           EC_POINT_add(table->group, table->left, table->left, table->right, table->work) == 1;
}

static int verify(struct ecdsa_table *table, const struct numbers *numbers)
{
    const BIGNUM *order = EC_GROUP_get0_order(table->group);

    if (!is_in_range(numbers->r, order) || !is_in_range(numbers->s, order))
        return 0;
    if (!find_point(table, numbers))
        return -1;
    if (EC_POINT_is_at_infinity(table->group, table->left) == 1)
        return 0;
    if (EC_POINT_get_affine_coordinates(table->group, table->left, numbers->x, NULL, table->work) !=
            1 ||
        BN_nnmod(numbers->x, numbers->x, order, table->work) != 1)
        return -1;
    return BN_cmp(numbers->x, numbers->r) == 0;
}

int ecdsa_table_verify(struct ecdsa_table *table, const uint8_t *hash, const uint8_t *signature,
                       size_t octets)
{
    int length = (int)octets, outcome = -1;

    BN_CTX_start(table->work);
    struct numbers numbers = {.r = BN_CTX_get(table->work),
                              .s = BN_CTX_get(table->work),
                              .hash = BN_CTX_get(table->work),
                              .inverse = BN_CTX_get(table->work),
                              .x = BN_CTX_get(table->work)};
    /* Where one cannot be had, none behind it can. */
    if (numbers.x && octets * 8 == (size_t)EC_GROUP_order_bits(table->group) &&
        BN_bin2bn(signature, length, numbers.r) &&
        BN_bin2bn(signature + octets, length, numbers.s) && BN_bin2bn(hash, length, numbers.hash))
        outcome = verify(table, &numbers);
    BN_CTX_end(table->work);
    return outcome;
}
