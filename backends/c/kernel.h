/* The fixed kernel's interface: a net is data (net_program), a call is data (net_job). */
#ifndef LITHIFY_KERNEL_H
#define LITHIFY_KERNEL_H

#include <stdint.h>

#define LITHIFY_KERNEL_ABI 8
#define PLAIN_SPAN 4 /* words of 64 bits that run at once where there are no vectors */
#define KINDS 27 /* of units: pairs of gates by their shapes, then single gates, then pools */

/* Up to 64 elements side by side, and the planes that are read of them: bits, then comparisons. */
typedef struct {
    int32_t element, count;      /* the first one, and how many */
    int32_t shift;               /* their codes are shifted right and cut to a byte */
    int32_t tests, compares;     /* planes of each kind */
    int32_t tested, above;       /* where theirs begin in the tables of these names */
    int32_t slot, element_step, plane_step;
} net_chunk;

/* Read only while a call runs; shared by every thread. Slots hold planes of the chunks at first. */
typedef struct {
    const void *operands;        /* uint16_t or uint32_t: slots of every unit, in running order */
    const uint32_t *rounds;      /* [][KINDS]: how many units of each kind */
    const int32_t *stages;       /* [num_stages][2]: so many rounds, and so many sums after them */
    int64_t num_stages;
    const int64_t *sums;         /* [][4]: slot, bits of its counter, what that starts with, runs */
    const int32_t *addends;      /* [][3]: runs: weight's power of two, inverted, pins */
    const uint32_t *pins;        /* slots of all runs of sums, one run after the other */
    int64_t slots;
    int64_t wide;                /* operands are uint32_t */
    const net_chunk *chunks;
    int64_t num_chunks;
    const uint8_t *tested;       /* which bit a plane is */
    const uint8_t *above;        /* [comparisons][64]: what each code has to be above */
    int64_t input_bits;          /* slot i holds input bit i at first, where planes are given */
    const int32_t *runs;         /* [num_runs][4]: score, weight's power of two, inverted, terms */
    int64_t num_runs;
    const uint32_t *terms;       /* slots of all runs, one run after the other */
    const int64_t *biases;       /* [num_scores] */
    int64_t num_scores;
    int64_t score_bits;          /* bits of the largest sum without its bias */
    int64_t wide_scores;         /* scores need 64 bits: scores64 is given, not scores32 */
    const uint32_t *word_slots;  /* [word bits] */
    const uint64_t *word_masks;  /* [word bits][2]: kept bits of the slot, bits to flip after */
    const int32_t *word_fields;  /* [num_word_elements][2]: width, is signed */
    int64_t num_word_elements;
} net_program;

/* A net of layers of sums. Rows of bits are words of 64; eight neurons make a group. */
typedef struct {
    const int32_t *chunks;       /* [input_words]: the first of 64 elements of each word */
    const uint8_t *above;        /* [input_words][64]: a bit is set above this; NULL: see least */
    const int64_t *least;        /* [input_words][64]: a bit is set from this code on */
    int64_t input_words;
    int64_t elements;
    const int64_t *layers;       /* [num_layers][4]: groups, words of a row, first plane, planes */
    int64_t num_layers;
    const int64_t *planes;       /* [planes][3]: weight's power of two, is masked, first weight */
    const uint64_t *weights;     /* [group][word][8], set where negative; masks behind, if any */
    const int64_t *offsets;      /* of hidden neurons in order: the least count that fires */
    const int64_t *added;        /* [num_scores]: what a score is above its count */
    int64_t num_scores;
    int64_t row_words;           /* room for the longest row */
    int64_t high;                /* all codes are read, each from 0 to this; -1: see job */
} count_program;

/* One batch. Give codes or planes; give only the results that are wanted, others NULL. */
typedef struct {
    const void *codes;           /* [samples][elements], row_bytes from one sample to the next */
    int64_t row_bytes;
    int64_t item_bytes;          /* 1, 2, 4 or 8 */
    int64_t item_signed;
    const void *low;             /* unsigned items [elements]: least code; NULL: every code is right */
    const void *span;            /* unsigned items [elements]: greatest code minus least code */
    const uint64_t *planes;      /* [input_bits][plane_words] */
    int64_t plane_words;
    int32_t *scores32;           /* [samples][num_scores] */
    int64_t *scores64;
    int64_t *classes;            /* [samples] */
    int64_t *words;              /* [samples][num_word_elements] */
    void *workspace;             /* kernel_workspace bytes, aligned to 64, for this call alone */
} net_job;

/* How features become codes of 1 or 4 bytes: numbers of bounds that they exceed, or themselves. */
typedef struct {
    const void *bounds;          /* floats or doubles, ascending; NULL: whole numbers in low..high */
    int64_t num_bounds;          /* up to 32: [bounds][elements]; more, 2^n - 1: [elements][bounds] */
    int64_t elements;
    int64_t item_bytes;          /* of a feature: 4 or 8 */
    int64_t code_bytes;
    int64_t low, high;
} feature_code;

int64_t kernel_abi(void);
/* Bit k set: vectors of 64 << k bits work here. */
int64_t kernel_vectors(void);
int64_t kernel_workspace(const net_program *program, int64_t words);
/* Samples first .. last - 1 in vectors of up to 64 * words bits; 1 where a code is out of range. */
int64_t kernel_run(const net_program *program, const net_job *job, int64_t first, int64_t last,
                   int64_t words);
/* The gates alone, as often as so many samples need, on whatever the workspace holds (for
   measuring). */
int64_t kernel_gates(const net_program *program, void *workspace, int64_t words, int64_t samples);
/* Samples first .. last - 1 of a net of sums, from codes, by vectors of 64 * words bits. */
int64_t kernel_counts(const count_program *program, const net_job *job, int64_t first,
                      int64_t last, int64_t words);
/* codes[samples][elements] of features, row_bytes from one sample to the next; 1 where one of them
   is not finite, not whole or out of range. */
int64_t kernel_features(const feature_code *code, const void *x, int64_t row_bytes,
                        int64_t samples, int64_t words, void *codes);
/* Bit k set: vectors of 64 << k bits count bits here. */
int64_t kernel_counts_vectors(void);

#endif
