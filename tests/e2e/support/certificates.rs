//! Certificates that are made for a test.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};

/// Who signs.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// Files in PEM.
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = named(name, Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let signed = params.self_signed(&key).expect("it can be signed");
        Self {
            pem: signed.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Puts the CA's own certificate into the folder.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, &self.pem).expect("the folder can be written");
        path
    }

    /// A certificate for a name or an address, and its key, as `NAME.pem` and `NAME.key`.
    pub(crate) fn issue(&self, folder: &Path, name: &str, for_whom: &[&str]) -> Issued {
        let names: Vec<_> = for_whom.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("names of tests are names");
        self.sign(folder, name, params)
    }

    /// One that was good for some days in 2001.
    pub(crate) fn issue_expired(&self, folder: &Path, name: &str, for_whom: &str) -> Issued {
        let names = vec![for_whom.to_owned()];
        let mut params = CertificateParams::new(names).expect("names of tests are names");
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 9);
        self.sign(folder, name, params)
    }

    /// One with a URI for a name, or none at all.
    pub(crate) fn issue_uri(&self, folder: &Path, name: &str, uri_of: Option<&str>) -> Issued {
        let uri = |uri: &str| SanType::URI(uri.try_into().expect("URIs of tests are URIs"));
        let names = uri_of.map(uri).into_iter().collect();
        self.sign(folder, name, named(name, names))
    }

    fn sign(&self, folder: &Path, name: &str, params: CertificateParams) -> Issued {
        let key = KeyPair::generate().expect("a key can be made");
        let signed = params.signed_by(&key, &self.issuer);
        let pem = signed.expect("it can be signed").pem();
        let issued = Issued {
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        };
        fs::write(&issued.certificate, pem).expect("the folder can be written");
        fs::write(&issued.key, key.serialize_pem()).expect("the folder can be written");
        issued
    }
}

fn named(name: &str, names: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = names;
    params
}
