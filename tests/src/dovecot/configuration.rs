//! The files that a private Dovecot reads.

use std::{fmt::Write, fs, io, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path};

use super::{
    TO_STRANGERS, create_owned, is_root, name_of, owner,
    settings::{ClientCertificates, ServerTls, Settings, TlsVersions},
};

/// What OpenSSL reads in Dovecot's processes: Dovecot itself has no setting for the latest version of TLS.
pub(super) const OPENSSL_CONFIGURATION: &str = "openssl.cnf";

/// Everything that Debian's Dovecot makes of a password that it knows.
const PASSWORD_MECHANISMS: &str = "plain login apop cram-md5 scram-sha-1 scram-sha-256";
const TOKEN_MECHANISMS: &str = "oauthbearer xoauth2";
const CERTIFICATE_MECHANISM: &str = "external";

/// Writes them into this directory, for these ports in clear text and with TLS.
pub(super) fn configure(directory: &Path, ports: [u16; 2], settings: &Settings) -> io::Result<()> {
    // Dovecot's login processes have a user of their own and must come through.
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    let passwords: String =
        settings.users.iter().map(|(user, password)| format!("{user}:{password}::::::\n")).collect();
    write_readable(&directory.join("users"), &passwords)?;
    let mail = directory.join("mail");
    create_owned(&mail)?;
    for (user, _) in &settings.users {
        create_owned(&mail.join(user))?;
    }
    if let Some(introspection) = settings.introspection {
        write_readable(&directory.join("tokens.conf"), &of_tokens(introspection))?;
    }
    if let Some(tls) = &settings.tls {
        tls.identity.write(directory, "server");
        write_readable(&directory.join("clients.pem"), tls.clients.as_ref().map_or("", |clients| &clients.authority))?;
    }
    write_readable(&directory.join(OPENSSL_CONFIGURATION), &of_openssl(settings.tls.as_ref()))?;
    fs::write(directory.join("dovecot.conf"), of_dovecot(directory, ports, settings)?)
}

fn write_readable(path: &Path, content: &str) -> io::Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

fn of_dovecot(directory: &Path, [port, tls_port]: [u16; 2], settings: &Settings) -> io::Result<String> {
    let (user, group) = owner()?;
    // Without root there is one user for everything, and no change of the root directory.
    let (accounts, chroot) = match is_root()? {
        true => (String::new(), ""),
        false => {
            let (user, group) = (name_of("-un")?, name_of("-gn")?);
            let accounts = format!(
                "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
                 service anvil {{\n  chroot =\n}}\n"
            );
            (accounts, "  chroot =\n")
        }
    };
    let tls = of_tls(directory, settings.tls.as_ref());
    let tls_port = if settings.tls.is_some() { tls_port } else { 0 };
    let sign_in = of_sign_in(directory, settings);
    let directory = directory.display();
    // Without the penalty of anvil, a wrong password lets nobody wait.
    Ok(format!(
        "base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
import_environment = $import_environment OPENSSL_CONF={directory}/{OPENSSL_CONFIGURATION}
protocols = pop3
listen = 127.0.0.1, {TO_STRANGERS}
{tls}{sign_in}first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
mail_save_crlf = yes
mail_max_userip_connections = 100
userdb {{
  driver = static
  args = uid={user} gid={group} home={directory}/mail/%n
}}
{accounts}service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service pop3-login {{
{chroot}  service_count = 0
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
"
    ))
}

fn of_tls(directory: &Path, tls: Option<&ServerTls>) -> String {
    let Some(ServerTls { required, versions, clients, .. }) = tls else { return "ssl = no\n".to_owned() };
    let directory = directory.display();
    let ssl = if *required { "required" } else { "yes" };
    let least = if *versions == TlsVersions::Only13 { "TLSv1.3" } else { "TLSv1.2" };
    let mut lines = format!(
        "ssl = {ssl}\nssl_min_protocol = {least}\n\
         ssl_cert = <{directory}/server.crt\nssl_key = <{directory}/server.key\n"
    );
    if let Some(ClientCertificates { required, .. }) = clients {
        let required = yes_or_no(*required);
        let _ = write!(
            lines,
            "ssl_ca = <{directory}/clients.pem\nssl_require_crl = no\nssl_verify_client_cert = yes\n\
             auth_ssl_require_client_cert = {required}\nauth_ssl_username_from_cert = yes\n"
        );
    }
    lines
}

/// Each mechanism is checked by the one database that knows about it.
fn of_sign_in(directory: &Path, settings: &Settings) -> String {
    let directory = directory.display();
    let mut mechanisms = PASSWORD_MECHANISMS.to_owned();
    let mut databases = format!(
        "passdb {{\n  driver = passwd-file\n  args = {directory}/users\n  mechanisms = {PASSWORD_MECHANISMS}\n}}\n"
    );
    if settings.introspection.is_some() {
        let _ = write!(mechanisms, " {TOKEN_MECHANISMS}");
        let _ = write!(
            databases,
            "passdb {{\n  driver = oauth2\n  args = {directory}/tokens.conf\n  mechanisms = {TOKEN_MECHANISMS}\n}}\n"
        );
    }
    if settings.tls.as_ref().is_some_and(|tls| tls.clients.is_some()) {
        let _ = write!(mechanisms, " {CERTIFICATE_MECHANISM}");
        let _ = write!(
            databases,
            "passdb {{\n  driver = static\n  args = nopassword=y\n  mechanisms = {CERTIFICATE_MECHANISM}\n}}\n"
        );
    }
    let passwords_need_tls = yes_or_no(settings.passwords_need_tls);
    // No list of characters, so that a name may have any.
    format!(
        "disable_plaintext_auth = {passwords_need_tls}\nauth_mechanisms = {mechanisms}\nauth_username_chars =\n\
         auth_failure_delay = 0\n{databases}"
    )
}

fn of_tokens(introspection: SocketAddr) -> String {
    format!(
        "introspection_url = http://{introspection}/introspect\nintrospection_mode = post\n\
         active_attribute = active\nactive_value = true\nusername_attribute = username\n"
    )
}

fn of_openssl(tls: Option<&ServerTls>) -> String {
    let most = if tls.is_some_and(|tls| tls.versions == TlsVersions::Only12) { "TLSv1.2" } else { "TLSv1.3" };
    format!(
        "openssl_conf = all\n\n[all]\nssl_conf = tls\n\n[tls]\nsystem_default = versions\n\n\
         [versions]\nMinProtocol = TLSv1.2\nMaxProtocol = {most}\n"
    )
}

fn yes_or_no(it_is: bool) -> &'static str {
    if it_is { "yes" } else { "no" }
}
