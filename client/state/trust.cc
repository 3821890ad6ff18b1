#include "client/state/trust.h"

#include <boost/json.hpp>
#include <system_error>

#include "client/ui/utf8.h"
#include "protocol/base/file.h"

namespace rdev::state {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kMaxBytes = 64U << 20U;

fs::path trust_file(const Paths& paths) { return paths.state / "trusted.json"; }

// The same file by whatever way it was come to.
std::string real_name(const fs::path& file) {
  std::error_code error;
  const fs::path real = fs::canonical(file, error);
  return (error ? fs::absolute(file).lexically_normal() : real).string();
}

Result<json::object> read_all(const Paths& paths) {
  const fs::path file = trust_file(paths);
  const auto text = base::read_file(file, kMaxBytes);
  if (!text && text.error().code == Code::kNotFound) {
    return json::object();
  }
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  boost::system::error_code error;
  json::value value = json::parse(*text, error);
  if (error || !value.is_object()) {
    return fail(Code::kProtocol, file.string() +
                                     " is not what rdev wrote: remove it, and trust "
                                     "your projects anew");
  }
  return std::move(value.get_object());
}

// Under a lock: reads all, lets `change` at it, and writes it again, without files that are gone.
// What `change` returns tells whether there is anything to write.
template <class Change>
Result<bool> change_all(const Paths& paths, const Change& change) {
  if (auto made = base::make_private_dir(paths.state); !made) {
    return tl::make_unexpected(made.error());
  }
  const auto lock = base::lock_file(paths.state / "trusted.lock", base::LockWait::kBlock);
  auto all = lock ? read_all(paths) : tl::make_unexpected(lock.error());
  if (!all) {
    return tl::make_unexpected(all.error());
  }
  if (!change(*all)) {
    return false;
  }
  for (auto one = all->begin(); one != all->end();) {
    std::error_code error;
    one = fs::exists(std::string(one->key()), error) || error ? std::next(one) : all->erase(one);
  }
  if (auto written = base::write_file_atomic(trust_file(paths), json::serialize(*all) + "\n", 0600);
      !written) {
    return tl::make_unexpected(written.error());
  }
  return true;
}

}  // namespace

Result<Trust> trust_of(const Paths& paths, const fs::path& file, const std::string& text) {
  const auto all = read_all(paths);
  if (!all) {
    return tl::make_unexpected(all.error());
  }
  const json::value* then = all->if_contains(real_name(file));
  if (then == nullptr || !then->is_string()) {
    return Trust::kNone;
  }
  return then->get_string() == text ? Trust::kTrusted : Trust::kChanged;
}

Result<void> trust(const Paths& paths, const fs::path& file, const std::string& text) {
  const std::string name = real_name(file);
  if (ui::valid_utf8(text) != text || ui::valid_utf8(name) != name) {
    return fail(Code::kUsage, name + " is not UTF-8 text");
  }
  const auto changed = change_all(paths, [&](json::object& all) {
    all[name] = text;
    return true;
  });
  return changed ? Result<void>() : tl::make_unexpected(changed.error());
}

Result<bool> distrust(const Paths& paths, const fs::path& file) {
  return change_all(paths, [&](json::object& all) { return all.erase(real_name(file)) > 0; });
}

Result<std::vector<fs::path>> trusted_files(const Paths& paths) {
  const auto all = read_all(paths);
  if (!all) {
    return tl::make_unexpected(all.error());
  }
  std::vector<fs::path> files;
  files.reserve(all->size());
  for (const auto& [name, text] : *all) {
    files.emplace_back(std::string(name));
  }
  return files;
}

}  // namespace rdev::state
