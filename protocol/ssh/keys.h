#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

struct ssh_key_struct;

namespace rdev::ssh {

// A public key: value type, compared by its wire blob (RFC 4253 section 6.6).
class PublicKey final {
 public:
  PublicKey() = default;
  explicit PublicKey(std::string blob) : blob_(std::move(blob)) {}
  // "ssh-ed25519 AAAA… comment", a line of authorized_keys(5); options are refused.
  static Result<PublicKey> parse(std::string_view line);

  const std::string& blob() const { return blob_; }
  std::string algorithm() const;    // "ssh-ed25519"
  std::string text() const;         // "ssh-ed25519 AAAA…"
  std::string fingerprint() const;  // "SHA256:…", as OpenSSH prints it

  friend bool operator==(const PublicKey&, const PublicKey&) = default;

 private:
  std::string blob_;
};

// The public half of libssh's object; an empty key when libssh cannot export it. Only for this
// folder.
PublicKey public_half_of(const ssh_key_struct* key);

// The lines of an authorized_keys file; empty lines and comments are skipped, a bad line is an
// error that names its number.
Result<std::vector<PublicKey>> parse_authorized_keys(std::string_view text);

using Seed = std::array<std::uint8_t, 32>;  // RFC 8032 section 5.1.5

// From the kernel's generator.
Seed random_seed();

// The seed of the host key of one of a job's instances: HKDF-SHA256 (RFC 5869) of the job's seed,
// without a salt, info "rdev host key I", I in decimal.
Seed instance_seed(const Seed& job, std::uint32_t instance);

// An Ed25519 private key. Its memory is wiped when it dies.
class PrivateKey final {
 public:
  static Result<PrivateKey> from_seed(const Seed& seed);
  static PrivateKey generate();
  // OpenSSH's private key format, unencrypted.
  static Result<PrivateKey> parse(std::string_view pem);
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  // OpenSSH's private key format. The caller wipes it.
  std::string pem(std::string_view comment) const;
  const PublicKey& public_key() const { return public_key_; }
  // libssh's own object, borrowed; only for this folder.
  ssh_key_struct* native() const { return key_.get(); }

 private:
  struct Free {
    void operator()(ssh_key_struct* key) const;
  };
  PrivateKey(const Seed& seed, PublicKey public_key)
      : seed_(seed), public_key_(std::move(public_key)) {}

  Seed seed_;
  PublicKey public_key_;
  std::unique_ptr<ssh_key_struct, Free> key_;
};

}  // namespace rdev::ssh
