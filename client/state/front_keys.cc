#include "client/state/front_keys.h"

#include <system_error>

#include "client/state/identity.h"
#include "client/state/job_record.h"
#include "protocol/base/file.h"

namespace rdev::state {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxKnownHosts = 64U << 10U;

Result<void> add_known_host(const fs::path& file, const std::string& line) {
  std::error_code error;
  if (!fs::exists(file, error)) {
    return {};  // who writes it writes both keys
  }
  auto text = base::read_file(file, kMaxKnownHosts);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  if (text->find(line) != std::string::npos) {
    return {};
  }
  if (!text->empty() && !text->ends_with('\n')) {
    *text += '\n';
  }
  return base::write_file_atomic(file, *text + line, 0600);
}

}  // namespace

Result<ssh::PrivateKey> front_key(const Paths& paths, const std::string& name) {
  const JobFiles files = job_files(paths, name);
  std::error_code error;
  if (fs::exists(files.front_key, error)) {
    return load_key(files.front_key);
  }
  if (!fs::exists(files.dir, error)) {
    return fail(Code::kNotFound, "there is no job " + name);
  }
  if (auto locks = base::make_private_dir(files.front_lock.parent_path()); !locks) {
    return tl::make_unexpected(locks.error());
  }
  const auto lock = base::lock_file(files.front_lock, base::LockWait::kBlock);
  if (!lock) {
    return tl::make_unexpected(lock.error());
  }
  if (fs::exists(files.front_key, error)) {
    return load_key(files.front_key);
  }
  ssh::PrivateKey key = ssh::PrivateKey::generate();
  const std::string host = host_alias(name);
  // The key last: once it is there, known_hosts has it.
  auto made = add_known_host(files.known_hosts, host + " " + key.public_key().text() + "\n");
  if (made) {
    made = save_key(files.front_key, key, host + " on this laptop");
  }
  if (!made) {
    return prefix("the host key of " + name + " on this laptop", made.error());
  }
  return key;
}

std::vector<ssh::PublicKey> front_authorized(const Paths& paths, const std::string& name) {
  std::vector<ssh::PublicKey> keys;
  for (const fs::path& file : {job_files(paths, name).key, long_lived_key_file(paths)}) {
    if (const auto key = load_key(file)) {  // one that is missing opens nothing
      keys.push_back(key->public_key());
    }
  }
  return keys;
}

}  // namespace rdev::state
