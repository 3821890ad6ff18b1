#pragma once

#include <filesystem>

#include "client/state/paths.h"
#include "protocol/ssh/keys.h"

namespace rdev::state {

// The user's long-lived key: made once, kept with the configuration as id_ed25519 and
// id_ed25519.pub. Every job authorises it; its fingerprint is the owner label of every job.
Result<ssh::PrivateKey> long_lived_key(const Paths& paths);
std::filesystem::path long_lived_key_file(const Paths& paths);

// A private key in a file of mode 0600, in OpenSSH's format.
Result<void> save_key(const std::filesystem::path& path, const ssh::PrivateKey& key,
                      const std::string& comment);
Result<ssh::PrivateKey> load_key(const std::filesystem::path& path);

}  // namespace rdev::state
