//! Who keeps the sessions, and how nginx is configured for it.

use std::path::Path;

/// Who keeps the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// nginx's own shared cache, to which the others are compared.
    Own,
    /// The clients, in tickets: nginx's default.
    Tickets,
    /// Lua code in nginx, in a dictionary that its workers share.
    Lua,
    /// The agent without policies.
    Agent,
    /// The agent with the policy `tenants`.
    Policy,
    /// Redis, behind the agent.
    Redis,
}

impl Keeper {
    /// Those whose handshakes are counted.
    pub const COUNTED: [Keeper; 5] = [Keeper::Own, Keeper::Tickets, Keeper::Lua, Keeper::Agent, Keeper::Policy];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Keeper::Own => "nginx's own shared cache",
            Keeper::Tickets => "tickets, nginx's default",
            Keeper::Lua => "Lua, a shared dictionary",
            Keeper::Agent => "module and agent",
            Keeper::Policy => "the same with tenants",
            Keeper::Redis => "module, agent and Redis",
        }
    }

    /// Whether the module is in nginx.
    pub fn has_module(self) -> bool {
        matches!(self, Keeper::Agent | Keeper::Policy | Keeper::Redis)
    }

    /// The policy that decides.
    pub fn policy(self) -> Option<&'static str> {
        (self == Keeper::Policy).then_some("tenants")
    }

    /// What stands at the beginning of the configuration.
    pub fn first_lines(self) -> String {
        let files = LUA_MODULES.map(|file| format!("load_module {file};"));
        if self == Keeper::Lua { files.join("\n") } else { String::new() }
    }

    /// What stands in its part `http`.
    pub fn lines(self) -> &'static str {
        match self {
            Keeper::Own => "ssl_session_cache shared:sessions:64m; ssl_session_tickets off;",
            // As Debian's own nginx.conf is, and many more: the module takes the cache's place.
            Keeper::Agent | Keeper::Policy | Keeper::Redis => "ssl_session_cache shared:sessions:64m;",
            Keeper::Tickets => "",
            Keeper::Lua => LUA,
        }
    }

    /// Why it cannot be measured on this machine.
    pub fn missing(self) -> Option<String> {
        let missing = LUA_MODULES.iter().chain(&[RESTY]).find(|file| !Path::new(file).exists())?;
        (self == Keeper::Lua)
            .then(|| format!("{missing} is not there: apt-get install libnginx-mod-http-lua lua-resty-core"))
    }
}

/// Debian's, and what it needs first.
const LUA_MODULES: [&str; 2] =
    ["/usr/lib/nginx/modules/ndk_http_module.so", "/usr/lib/nginx/modules/ngx_http_lua_module.so"];

/// Debian's `lua-resty-core`.
const RESTY: &str = "/usr/share/lua/5.1/ngx/ssl/session.lua";

const LUA: &str = r#"
    lua_package_path "/usr/share/lua/5.1/?.lua;;";
    lua_shared_dict sessions 64m;
    ssl_session_tickets off;
    ssl_session_store_by_lua_block {
        local sessions = require "ngx.ssl.session"
        local id, session = sessions.get_session_id(), sessions.get_serialized_session()
        if id and session then ngx.shared.sessions:set(id, session, 3600) end
    }
    ssl_session_fetch_by_lua_block {
        local sessions = require "ngx.ssl.session"
        local session = ngx.shared.sessions:get(sessions.get_session_id())
        if session then sessions.set_serialized_session(session) end
    }
"#;
