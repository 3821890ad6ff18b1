#include "client/link/session_identity.h"

#include <filesystem>
#include <optional>

#include "client/state/instance_name.h"
#include "client/state/job_record.h"
#include "protocol/base/file.h"
#include "protocol/base/log.h"
#include "protocol/laptop.pb.h"
#include "protocol/ssh/keys.h"

namespace rdev::link_process {
namespace {

constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kMaxFileBytes = 4096;

std::string boot_id() {
  auto text = base::read_file("/proc/sys/kernel/random/boot_id", kMaxFileBytes);
  return text ? text->substr(0, text->find('\n')) : "";
}

std::string random_bytes(std::size_t size) {
  const ssh::Seed seed = ssh::random_seed();
  return {seed.begin(), seed.begin() + static_cast<std::ptrdiff_t>(size)};
}

// Nothing: there is none, or none that can be used.
std::optional<LinkSession> load(const std::filesystem::path& file, const std::string& job_id) {
  const auto bytes = base::read_file(file, kMaxFileBytes);
  LinkSession session;
  if (!bytes || !session.ParseFromString(*bytes) || session.job_id() != job_id ||
      session.session_id().size() != kIdBytes || session.session_secret().size() != kSecretBytes) {
    return std::nullopt;
  }
  return session;
}

}  // namespace

Result<Hello> make_hello(const state::Paths& paths, const std::string& job,
                         const std::string& job_id) {
  const std::filesystem::path file = state::job_files(paths, job).dir / "link.session";
  const std::string boot = boot_id();
  Hello hello;
  hello.set_major(1);
  const auto name = state::parse_instance_name(job);
  hello.set_job_name(name ? name->job : job);
  hello.set_program("rdev " RDEV_VERSION);
  hello.set_process_id(random_bytes(kIdBytes));
  const auto former = load(file, job_id);
  if (former && !boot.empty() && former->boot_id() == boot) {
    hello.set_session_id(former->session_id());
    hello.set_session_secret(former->session_secret());
    return hello;
  }
  LinkSession session;
  session.set_boot_id(boot);
  session.set_job_id(job_id);
  session.set_session_id(random_bytes(kIdBytes));
  session.set_session_secret(random_bytes(kSecretBytes));
  if (auto saved = base::write_file_atomic(file, session.SerializeAsString(), 0600); !saved) {
    return tl::make_unexpected(saved.error());
  }
  hello.set_session_id(session.session_id());
  hello.set_session_secret(session.session_secret());
  if (former) {
    hello.set_former_id(former->session_id());
    hello.set_former_secret(former->session_secret());
  }
  return hello;
}

}  // namespace rdev::link_process
