#include <map>

#include "client/cluster/openpai/options.h"
#include "client/cluster/openpai/schema.h"

namespace rdev::cluster::openpai {

namespace json = boost::json;

namespace {

using Renamed = std::map<std::string, std::string, std::less<>>;

// In the same order.
void rename_keys(json::value* value, const Renamed& renamed) {
  json::object* object = value == nullptr ? nullptr : value->if_object();
  if (object == nullptr) {
    return;
  }
  json::object result;
  for (auto& entry : *object) {
    const auto found = renamed.find(std::string_view(entry.key()));
    const std::string_view key =
        found == renamed.end() ? std::string_view(entry.key()) : std::string_view(found->second);
    result.emplace(key, std::move(entry.value()));
  }
  *object = std::move(result);
}

json::value* below(json::value* value, std::string_view key) {
  json::object* object = value == nullptr ? nullptr : value->if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

json::array* list_below(json::value* value, std::string_view key) {
  json::value* child = below(value, key);
  return child == nullptr ? nullptr : child->if_array();
}

// extras: com.microsoft.pai.runtimeplugin: [{taskroles: [ROLE, …]}]
void rename_in_plugins(json::value& job, const Renamed& renamed) {
  json::array* plugins = list_below(below(&job, "extras"), "com.microsoft.pai.runtimeplugin");
  if (plugins == nullptr) {
    return;
  }
  for (json::value& plugin : *plugins) {
    json::array* roles = list_below(&plugin, "taskroles");
    if (roles == nullptr) {
      continue;
    }
    for (json::value& role : *roles) {
      if (!role.is_string()) {
        continue;
      }
      if (const auto found = renamed.find(std::string_view(role.get_string()));
          found != renamed.end()) {
        role = found->second;
      }
    }
  }
}

}  // namespace

std::vector<std::string> rename_roles(json::value& job) {
  Renamed renamed;
  std::vector<std::string> notes;
  for (const auto& [name, role] : job.at("taskRoles").as_object()) {
    const std::string written = role_as_written(name);
    if (written == std::string_view(name)) {
      continue;
    }
    renamed.emplace(name, written);
    std::string note = "the role ";
    note += name;
    note += " is called " + written +
            " in the job, as the server would call it; where commands use variables such as "
            "PAI_RESOURCE_";
    note += name;
    note += " write " + written + ", too";
    notes.push_back(std::move(note));
  }
  if (renamed.empty()) {
    return notes;
  }
  rename_keys(below(&job, "taskRoles"), renamed);
  if (json::array* deployments = list_below(&job, "deployments")) {
    for (json::value& deployment : *deployments) {
      rename_keys(below(&deployment, "taskRoles"), renamed);
    }
  }
  rename_keys(below(below(below(&job, "extras"), "hivedScheduler"), "taskRoles"), renamed);
  rename_in_plugins(job, renamed);
  return notes;
}

}  // namespace rdev::cluster::openpai
