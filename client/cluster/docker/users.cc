#include "client/cluster/docker/users.h"

#include <charconv>
#include <optional>
#include <vector>

namespace rdev::cluster::docker {
namespace {

constexpr int kMaxLinks = 8;

std::optional<std::uint32_t> number(const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > INT32_MAX) {
    return std::nullopt;
  }
  return value;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// The first line of a passwd(5) or group(5) file whose name or number is `wanted`.
std::optional<std::vector<std::string>> find_line(const std::string& file,
                                                  const std::string& wanted) {
  for (const std::string& line : split(file, '\n')) {
    auto fields = split(line, ':');
    if (fields.size() >= 3 && (fields[0] == wanted || fields[2] == wanted)) {
      return fields;
    }
  }
  return std::nullopt;
}

Result<std::uint32_t> resolve_group(const std::string& name, const std::string& file) {
  if (const auto line = find_line(file, name); line && number((*line)[2])) {
    return *number((*line)[2]);
  }
  if (const auto gid = number(name)) {
    return *gid;
  }
  return fail(Code::kUsage, "no such group in the image: " + name +
                                "; choose one of its /etc/group, or a number");
}

// The text of a file in the container; empty when there is none. Symbolic links are followed within
// the container: the engine resolves all but a path's last part.
awaitable<Result<std::string>> read_in_container(Engine& engine, std::string container,
                                                 std::filesystem::path path) {
  for (int link = 0; link < kMaxLinks; ++link) {
    Request request;
    request.method = "GET";
    request.target =
        http::with_query("/containers/" + container + "/archive", "path", path.string());
    auto response = co_await engine.call(std::move(request));
    if (!response) {
      co_return tl::make_unexpected(response.error());
    }
    if (response->status == 404) {
      co_return "";
    }
    if (!response->ok()) {
      co_return fail(Code::kFailed,
                     "reading " + path.string() + " of the image: " + response->message());
    }
    auto entry = first_entry(response->body);
    if (!entry) {
      co_return tl::make_unexpected(entry.error());
    }
    if (!*entry || (*entry)->link.empty()) {
      co_return *entry ? std::string((*entry)->bytes) : "";
    }
    path = (path.parent_path() / (*entry)->link).lexically_normal();
  }
  co_return fail(Code::kFailed, path.string() + " of the image is a loop of symbolic links");
}

}  // namespace

Result<Owner> resolve_user(const std::string& user, const std::string& passwd,
                           const std::string& group) {
  const auto colon = user.find(':');
  const std::string name = user.substr(0, colon);
  const std::string group_name = colon == std::string::npos ? "" : user.substr(colon + 1);
  Owner owner;
  const auto line = find_line(passwd, name.empty() ? "0" : name);
  if (line && line->size() >= 4 && number((*line)[2]) && number((*line)[3])) {
    owner.uid = *number((*line)[2]);
    owner.gid = *number((*line)[3]);
  } else if (const auto uid = number(name)) {
    owner.uid = *uid;
  } else if (!name.empty()) {
    return fail(Code::kUsage, "no such user in the image: " + name +
                                  "; choose one of its /etc/passwd, or a number (--user 1000)");
  }
  if (!group_name.empty()) {
    auto gid = resolve_group(group_name, group);
    if (!gid) {
      return tl::make_unexpected(gid.error());
    }
    owner.gid = *gid;
  }
  return owner;
}

awaitable<Result<Owner>> container_owner(Engine& engine, std::string container, std::string user) {
  const auto parts = split(user, ':');
  const bool known = user.empty() || user == "0" || user == "root" ||
                     (parts.size() == 2 && number(parts[0]) && number(parts[1]));
  if (known) {
    co_return resolve_user(user == "root" ? "0" : user, "", "");
  }
  auto passwd = co_await read_in_container(engine, container, "/etc/passwd");
  if (!passwd) {
    co_return tl::make_unexpected(passwd.error());
  }
  Result<std::string> group("");
  if (parts.size() == 2) {
    group = co_await read_in_container(engine, container, "/etc/group");
  }
  if (!group) {
    co_return tl::make_unexpected(group.error());
  }
  co_return resolve_user(user, *passwd, *group);
}

}  // namespace rdev::cluster::docker
