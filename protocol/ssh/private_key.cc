#include <libssh/libssh.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "protocol/ssh/base64.h"
#include "protocol/ssh/keys.h"
#include "protocol/ssh/wire.h"

// OpenSSH's private key format: PROTOCOL.key of its source, and for the armour "openssh-key-v1".
namespace rdev::ssh {
namespace {

constexpr std::string_view kType = "ssh-ed25519";
constexpr std::string_view kMagic{"openssh-key-v1\0", 15};
constexpr std::string_view kBegin = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view kEnd = "-----END OPENSSH PRIVATE KEY-----";

// A string whose bytes are secret.
class Secret final {
 public:
  explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  const std::string& get() const { return bytes_; }

 private:
  std::string bytes_;
};

struct FreeEvp {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

Result<std::string> public_half(const Seed& seed) {
  const std::unique_ptr<EVP_PKEY, FreeEvp> key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  std::string half(32, '\0');
  std::size_t size = half.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(half.data()),
                                          &size) != 1) {
    return fail(Code::kFailed, "OpenSSL cannot derive the Ed25519 public key");
  }
  return half;
}

std::string_view as_text(const Seed& seed) {
  return {reinterpret_cast<const char*>(seed.data()), seed.size()};
}

// The bytes that the armour holds.
std::string encode(const Seed& seed, const PublicKey& key, std::string_view comment) {
  Reader blob(key.blob());
  blob.string();
  const std::string_view half = blob.string();
  const Secret pair(std::string(as_text(seed)).append(half));
  // Reserved up front: a growing string would leave secret bytes behind.
  Writer inner;
  inner.reserve(512 + comment.size());
  std::uint32_t check = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&check), sizeof check);
  inner.u32(check).u32(check).string(kType).string(half).string(pair.get()).string(comment);
  for (std::uint8_t pad = 1; inner.bytes().size() % 8 != 0; ++pad) {
    inner.u8(pad);
  }
  const Secret section(inner.take());
  Writer outer;
  outer.reserve(1024 + comment.size());
  outer.raw(kMagic).string("none").string("none").string("").u32(1).string(key.blob());
  outer.string(section.get());
  return outer.take();
}

std::optional<std::string> unarmour(std::string_view pem) {
  const std::size_t begin = pem.find(kBegin);
  const std::size_t end = pem.find(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    return std::nullopt;
  }
  std::string digits(pem.substr(begin + kBegin.size(), end - begin - kBegin.size()));
  std::erase_if(digits, [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; });
  const Secret wiped(std::move(digits));
  return unbase64(wiped.get());
}

tl::unexpected<Error> bad_key(std::string why) {
  return fail(Code::kUsage,
              "not an unencrypted Ed25519 key in OpenSSH's format: " + std::move(why));
}

}  // namespace

Seed instance_seed(const Seed& job, std::uint32_t instance) {
  const std::string info = "rdev host key " + std::to_string(instance);
  const auto* text = reinterpret_cast<const unsigned char*>(info.data());
  Seed seed{};
  std::size_t size = seed.size();
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr);
  const bool done =
      context != nullptr && EVP_PKEY_derive_init(context) == 1 &&
      EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1 &&
      EVP_PKEY_CTX_set1_hkdf_key(context, job.data(), static_cast<int>(job.size())) == 1 &&
      EVP_PKEY_CTX_add1_hkdf_info(context, text, static_cast<int>(info.size())) == 1 &&
      EVP_PKEY_derive(context, seed.data(), &size) == 1 && size == seed.size();
  EVP_PKEY_CTX_free(context);
  if (!done) {
    std::abort();  // a key that is known to everybody would be worse
  }
  return seed;
}

Seed random_seed() {
  Seed seed;
  // Fails only where the kernel lacks the call (before 3.17).
  if (::getrandom(seed.data(), seed.size(), 0) != static_cast<ssize_t>(seed.size())) {
    std::abort();
  }
  return seed;
}

void PrivateKey::Free::operator()(ssh_key_struct* key) const { ssh_key_free(key); }

PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() { OPENSSL_cleanse(seed_.data(), seed_.size()); }

Result<PrivateKey> PrivateKey::from_seed(const Seed& seed) {
  const auto half = public_half(seed);
  if (!half) {
    return tl::make_unexpected(half.error());
  }
  PrivateKey made(seed, PublicKey(Writer().string(kType).string(*half).take()));
  const Secret pem(made.pem(""));
  ssh_key native = nullptr;
  if (ssh_pki_import_privkey_base64(pem.get().c_str(), nullptr, nullptr, nullptr, &native) !=
      SSH_OK) {
    return fail(Code::kFailed, "libssh does not take our Ed25519 key");
  }
  made.key_.reset(native);
  return made;
}

PrivateKey PrivateKey::generate() {
  Seed seed = random_seed();
  auto made = from_seed(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  if (!made) {
    std::abort();  // every 32 bytes are a seed: our bug, or a broken libcrypto
  }
  return std::move(*made);
}

Result<PrivateKey> PrivateKey::parse(std::string_view pem) {
  auto bytes = unarmour(pem);
  if (!bytes) {
    return bad_key("no such armour, or it holds no base64");
  }
  const Secret file(std::move(*bytes));
  Reader outer(file.get());
  if (!file.get().starts_with(kMagic)) {
    return bad_key("the magic word is missing");
  }
  outer = Reader(std::string_view(file.get()).substr(kMagic.size()));
  const std::string_view cipher = outer.string();
  outer.string();
  outer.string();
  const std::uint32_t count = outer.u32();
  outer.string();
  Reader inner(outer.string());
  if (!outer.ok() || count != 1) {
    return bad_key("it is cut short or holds several keys");
  }
  if (cipher != "none") {
    return bad_key("it is encrypted (ssh-keygen -p removes the passphrase)");
  }
  const std::uint32_t first_check = inner.u32();
  const std::uint32_t second_check = inner.u32();
  const std::string_view type = inner.string();
  const std::string_view half = inner.string();
  const std::string_view pair = inner.string();
  if (first_check != second_check || type != kType || pair.size() != 64) {
    return bad_key("it is of another type");
  }
  Seed seed;
  std::copy_n(pair.begin(), seed.size(), seed.begin());
  auto made = from_seed(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  if (made && made->public_key().blob() != Writer().string(kType).string(half).take()) {
    return bad_key("its public half does not belong to it");
  }
  return made;
}

std::string PrivateKey::pem(std::string_view comment) const {
  const Secret bytes(encode(seed_, public_key_, comment));
  const Secret digits(base64(bytes.get()));
  std::string text;
  text.reserve(digits.get().size() + digits.get().size() / 70 + 100);
  text.append(kBegin) += '\n';
  for (std::size_t at = 0; at < digits.get().size(); at += 70) {
    text.append(digits.get(), at, 70) += '\n';
  }
  text.append(kEnd) += '\n';
  return text;
}

}  // namespace rdev::ssh
