#include "protocol/ssh/keys.h"

#include <libssh/libssh.h>
#include <openssl/evp.h>

#include <algorithm>

#include "protocol/ssh/base64.h"
#include "protocol/ssh/wire.h"

namespace rdev::ssh {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// The word at the start of `text`, which loses it and the blanks around it.
std::string_view next_word(std::string_view& text) {
  text = trim(text);
  const std::size_t end = std::min(text.find_first_of(kBlank), text.size());
  const std::string_view word = text.substr(0, end);
  text = trim(text.substr(end));
  return word;
}

bool is_key_type(std::string_view word) {
  return word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
}

}  // namespace

Result<PublicKey> PublicKey::parse(std::string_view line) {
  const std::string_view type = next_word(line);
  if (!is_key_type(type)) {
    return fail(Code::kUsage,
                "a public key starts with its type, such as ssh-ed25519 (options before it are not "
                "supported)");
  }
  const auto blob = unbase64(next_word(line));
  if (!blob || blob->empty()) {
    return fail(Code::kUsage, "the public key's second word is not base64");
  }
  PublicKey key(*blob);
  if (key.algorithm() != type) {
    return fail(Code::kUsage,
                "the public key says " + std::string(type) + " but holds another type");
  }
  return key;
}

std::string PublicKey::algorithm() const { return std::string(Reader(blob_).string()); }

std::string PublicKey::text() const { return algorithm() + " " + base64(blob_); }

std::string PublicKey::fingerprint() const {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(blob_.data(), blob_.size(), digest, &size, EVP_sha256(), nullptr) != 1) {
    return "SHA256:?";
  }
  std::string text = base64({reinterpret_cast<const char*>(digest), size});
  text.resize(text.find_last_not_of('=') + 1);
  return "SHA256:" + text;
}

PublicKey public_half_of(const ssh_key_struct* key) {
  char* text = nullptr;
  if (key == nullptr ||
      ssh_pki_export_pubkey_base64(const_cast<ssh_key_struct*>(key), &text) != SSH_OK) {
    return {};
  }
  auto blob = unbase64(text);
  ssh_string_free_char(text);
  return PublicKey(std::move(blob).value_or(""));
}

Result<std::vector<PublicKey>> parse_authorized_keys(std::string_view text) {
  std::vector<PublicKey> keys;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') {
      continue;
    }
    auto key = PublicKey::parse(line);
    if (!key) {
      return prefix("line " + std::to_string(number), key.error());
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace rdev::ssh
