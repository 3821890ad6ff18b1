#pragma once

// SHA-256 (FIPS 180-4) without a library, for the stub.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

static const u32 kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static u32 rotated(u32 word, int by) { return word >> by | word << (32 - by); }

// One block of 64 bytes.
static void sha256_block(u32 state[8], const u8* block) {
  u32 w[64];
  u32 s[8];
  for (int i = 0; i < 16; ++i) {
    w[i] = (u32)block[4 * i] << 24 | (u32)block[4 * i + 1] << 16 | (u32)block[4 * i + 2] << 8 |
           block[4 * i + 3];
  }
  for (int i = 16; i < 64; ++i) {
    const u32 a = w[i - 15];
    const u32 b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (rotated(a, 7) ^ rotated(a, 18) ^ a >> 3) +
           (rotated(b, 17) ^ rotated(b, 19) ^ b >> 10);
  }
  for (int i = 0; i < 8; ++i) {
    s[i] = state[i];
  }
  for (int i = 0; i < 64; ++i) {
    const u32 one = s[7] + (rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25)) +
                    ((s[4] & s[5]) ^ (~s[4] & s[6])) + kRound[i] + w[i];
    const u32 two = (rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22)) +
                    ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    for (int k = 7; k > 0; --k) {
      s[k] = s[k - 1];
    }
    s[4] += one;
    s[0] = one + two;
  }
  for (int i = 0; i < 8; ++i) {
    state[i] += s[i];
  }
}

// Of `size` bytes, as 64 lower-case hexadecimal digits.
static void sha256_hex(const u8* data, u64 size, char hex[64]) {
  u32 state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  u8 last[128];  // what is left, a 1, zeros, and the size in bits
  const u64 whole = size & ~63UL;
  const u64 rest = size - whole;
  const u64 end = rest < 56 ? 64 : 128;
  for (u64 at = 0; at < whole; at += 64) {
    sha256_block(state, data + at);
  }
  for (u64 i = 0; i < end; ++i) {
    last[i] = i < rest ? data[whole + i] : i == rest ? 0x80 : 0;
  }
  for (int i = 0; i < 8; ++i) {
    last[end - 1 - i] = (u8)(size * 8 >> 8 * i);
  }
  for (u64 at = 0; at < end; at += 64) {
    sha256_block(state, last + at);
  }
  for (int i = 0; i < 64; ++i) {
    hex[i] = "0123456789abcdef"[state[i / 8] >> (28 - 4 * (i % 8)) & 15];
  }
}
