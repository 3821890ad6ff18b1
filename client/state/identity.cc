#include "client/state/identity.h"

#include <system_error>

#include "protocol/base/file.h"

namespace rdev::state {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxKeyBytes = 64U << 10U;
constexpr char kComment[] = "rdev";

// The public half, for people: missing after a crash between the two writes, so checked each time.
Result<void> ensure_public_half(const Paths& paths, const ssh::PrivateKey& key) {
  fs::path path = long_lived_key_file(paths);
  path += ".pub";
  std::error_code error;
  if (fs::exists(path, error)) {
    return {};
  }
  return base::write_file_atomic(path, key.public_key().text() + " " + kComment + "\n", 0600);
}

}  // namespace

fs::path long_lived_key_file(const Paths& paths) { return paths.config / "id_ed25519"; }

Result<void> save_key(const fs::path& path, const ssh::PrivateKey& key,
                      const std::string& comment) {
  return base::write_file_atomic(path, key.pem(comment), 0600);
}

Result<ssh::PrivateKey> load_key(const fs::path& path) {
  const auto pem = base::read_file(path, kMaxKeyBytes);
  if (!pem) {
    return tl::make_unexpected(pem.error());
  }
  auto key = ssh::PrivateKey::parse(*pem);
  if (!key) {
    return prefix(path.string(), key.error());
  }
  return key;
}

Result<ssh::PrivateKey> long_lived_key(const Paths& paths) {
  if (auto made = base::make_private_dir(paths.config); !made) {
    return tl::make_unexpected(made.error());
  }
  const auto lock = base::lock_file(paths.config / "id_ed25519.lock", base::LockWait::kBlock);
  if (!lock) {
    return tl::make_unexpected(lock.error());
  }
  const fs::path path = long_lived_key_file(paths);
  std::error_code error;
  if (!fs::exists(path, error)) {
    const ssh::PrivateKey key = ssh::PrivateKey::generate();
    if (auto saved = save_key(path, key, kComment); !saved) {
      return tl::make_unexpected(saved.error());
    }
  }
  auto key = load_key(path);
  if (!key) {
    return key;
  }
  if (auto saved = ensure_public_half(paths, *key); !saved) {
    return tl::make_unexpected(saved.error());
  }
  return key;
}

}  // namespace rdev::state
