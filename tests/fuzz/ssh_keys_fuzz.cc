// Lines of authorized_keys and private key files from anywhere.

#include "protocol/ssh/keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rdev;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto key = ssh::PrivateKey::parse(text)) {
    if (ssh::PrivateKey::parse(key->pem("again"))->public_key() != key->public_key()) {
      __builtin_trap();
    }
  }
  if (const auto keys = ssh::parse_authorized_keys(text)) {
    for (const ssh::PublicKey& key : *keys) {
      if (ssh::PublicKey::parse(key.text()) != key) {
        __builtin_trap();
      }
    }
  }
  return 0;
}
