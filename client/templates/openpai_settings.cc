#include "client/templates/openpai_settings.h"

#include <limits>
#include <map>

#include "client/templates/job_template.h"
#include "client/templates/pointer.h"
#include "client/templates/typed_yaml.h"
#include "client/ui/suggest.h"
#include "client/ui/units.h"

namespace rdev::templates {

namespace json = boost::json;
using cluster::Denied;

namespace {

constexpr std::string_view kRdev = "/extras/rdev";

// A value below `extras.rdev`.
struct Setting {
  const TypedYaml& document;
  const json::value& value;
  std::string pointer;

  tl::unexpected<Error> wrong(const std::string& what) const {
    return document.wrong(pointer, what);
  }

  Result<bool> flag() const {
    if (!value.is_bool()) {
      return wrong("must be true or false");
    }
    return value.get_bool();
  }

  Result<std::optional<std::chrono::seconds>> lifetime() const {
    if (!value.is_string()) {
      return wrong("must be a time, as in 5h, 90m or none");
    }
    auto parsed = ui::parse_lifetime(value.get_string());
    if (!parsed) {
      return wrong(parsed.error().message);
    }
    return parsed;
  }

  Result<std::chrono::seconds> time() const {
    const auto parsed = lifetime();
    if (!parsed) {
      return tl::make_unexpected(parsed.error());
    }
    if (!*parsed) {
      return wrong(
          "must be a time, as in 15m; without an end nobody would know of a job that "
          "cannot be reached");
    }
    return **parsed;
  }

  Result<std::vector<Denied>> denied() const {
    const json::array* items = value.if_array();
    if (items == nullptr) {
      return wrong("must be a list, as in [remote-tcp, agent]");
    }
    std::vector<Denied> found;
    for (std::size_t i = 0; i < items->size(); ++i) {
      const json::string* text = (*items)[i].if_string();
      const auto parsed = parse_denied(text != nullptr ? std::string(*text) : "");
      if (!parsed) {
        return document.wrong(pointer_to(pointer, i), parsed.error().message);
      }
      found.push_back(*parsed);
    }
    return found;
  }
};

template <class T, class U>
Result<void> put(T& target, const Result<U>& result) {
  if (!result) {
    return tl::make_unexpected(result.error());
  }
  target = *result;
  return {};
}

Result<void> read_setting(const Setting& setting, std::string_view key, OpenpaiSettings& settings) {
  if (key == "lifetime") {
    return put(settings.lifetime, setting.lifetime());
  }
  if (key == "attach_timeout") {
    return put(settings.attach_timeout, setting.time());
  }
  if (key == "exit_with_command") {
    return put(settings.exit_with_command, setting.flag());
  }
  if (key == "login") {
    return put(settings.login, setting.flag());
  }
  if (key == "deny") {
    return put(settings.deny, setting.denied());
  }
  // Written by rdev into what it has rendered.
  for (const std::string_view fact :
       {"id", "name", "owner", "host_public_keys", "agent", "version"}) {
    if (key == fact) {
      return {};
    }
  }
  return setting.document.wrong_key(
      setting.pointer,
      "unknown key" + ui::did_you_mean(key, {"lifetime", "attach_timeout", "exit_with_command",
                                             "login", "deny"}));
}

const json::value* below(const json::value* value, std::string_view key) {
  const json::object* object = value == nullptr ? nullptr : value->if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

void read_role(const json::value& job, OpenpaiSettings& settings) {
  const json::value* roles = below(&job, "taskRoles");
  if (roles == nullptr || !roles->is_object() || roles->get_object().empty()) {
    return;
  }
  const json::value& role = roles->get_object().begin()->value();
  const json::value* instances = below(&role, "instances");
  if (instances != nullptr && instances->is_int64() && instances->get_int64() >= 1 &&
      instances->get_int64() <= std::numeric_limits<int>::max()) {
    settings.instances = static_cast<int>(instances->get_int64());
  }
  const json::value* name = below(&role, "dockerImage");
  const json::value* all = below(&job, "prerequisites");
  if (name == nullptr || all == nullptr || !all->is_array()) {
    return;
  }
  for (const json::value& one : all->get_array()) {
    const json::value* type = below(&one, "type");
    const json::value* its_name = below(&one, "name");
    const json::value* uri = below(&one, "uri");
    if (type != nullptr && *type == "dockerimage" && its_name != nullptr && *its_name == *name &&
        uri != nullptr && uri->is_string()) {
      settings.image = uri->get_string();
    }
  }
}

}  // namespace

Result<OpenpaiSettings> read_openpai_settings(const cluster::JobSpec::Document& document) {
  const auto parsed = parse_typed_yaml(document.text, document.file);
  if (!parsed) {
    return tl::make_unexpected(parsed.error());
  }
  OpenpaiSettings settings;
  read_role(parsed->value(), settings);
  const json::value* rdev = below(below(&parsed->value(), "extras"), "rdev");
  if (rdev == nullptr || rdev->is_null()) {
    return settings;
  }
  if (!rdev->is_object()) {
    return parsed->wrong(kRdev, "must be a mapping, as in {lifetime: 5h}");
  }
  for (const auto& [key, value] : rdev->get_object()) {
    const Setting setting{.document = *parsed, .value = value, .pointer = pointer_to(kRdev, key)};
    if (auto read = read_setting(setting, key, settings); !read) {
      return tl::make_unexpected(read.error());
    }
  }
  return settings;
}

}  // namespace rdev::templates
