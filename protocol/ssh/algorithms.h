#pragma once

namespace rdev::ssh {

// What both sides offer, best first; the client's order decides (RFC 4253 section 7.1). No SHA-1,
// no CBC, no compression. MACs that are not encrypt-then-MAC come last, for libssh2 before 1.11
// (curl, libgit2, PHP), which knows no others and wants one even beside an AEAD cipher. aes128-gcm
// comes first: 10-20 % faster than chacha20 on processors with AES instructions, which all of ours
// have.
inline constexpr char kKeyExchanges[] =
    "mlkem768x25519-sha256,"
    "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,"
    "curve25519-sha256,curve25519-sha256@libssh.org";
// Of a server whose clients are on its own machine: nobody stores for later what does not leave it,
// and sntrup761 costs OpenSSH's client 60 ms, which is most of what `ssh HOST true` takes.
inline constexpr char kLocalKeyExchanges[] =
    "mlkem768x25519-sha256,"
    "curve25519-sha256,curve25519-sha256@libssh.org";
inline constexpr char kHostKeys[] = "ssh-ed25519";
inline constexpr char kCiphers[] =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,"
    "aes256-ctr,aes192-ctr,aes128-ctr";
inline constexpr char kMacs[] =
    "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
    "hmac-sha2-256,hmac-sha2-512";
inline constexpr char kCompression[] = "none";

// Signatures of users that the server takes.
inline constexpr char kUserKeys[] =
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "rsa-sha2-512,rsa-sha2-256,"
    "sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com";
inline constexpr int kRsaMinBits = 2048;

}  // namespace rdev::ssh
