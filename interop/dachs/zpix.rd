<resource schema="@SCHEMA@" resdir="@SCHEMA@">
  <meta name="title">SIMULATED DESI redshifts, release @SCHEMA@</meta>
  <meta name="creationDate">2025-01-01T00:00:00Z</meta>
  <meta name="description">The demo sky of astroclip-astro, simulated, with the columns of Astro
    Data Lab's table of the same name.</meta>
  <meta name="creator.name">The astroclip-astro developers</meta>
  <meta name="subject">surveys</meta>

  <table id="zpix" onDisk="True" adql="True">
    <column name="targetid" type="bigint" required="True" ucd="meta.id;meta.main"/>
    <column name="survey" type="text"/>
    <column name="program" type="text"/>
    <column name="mean_fiber_ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"/>
    <column name="mean_fiber_dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"/>
    <column name="z" type="double precision" ucd="src.redshift"/>
    <column name="zerr" type="double precision" ucd="stat.error;src.redshift"/>
    <column name="zwarn" type="bigint" required="True" ucd="meta.code.qual"/>
    <column name="deltachi2" type="double precision" ucd="stat.value"/>
    <column name="spectype" type="text" ucd="src.class"/>
    <column name="coadd_fiberstatus" type="integer" required="True" ucd="meta.code.qual"/>
    <column name="sv_primary" type="boolean"/>
    <column name="zcat_primary" type="boolean"/>
  </table>

  <data id="import">
    <sources>zpix.fits</sources>
    <fitsTableGrammar/>
    <make table="zpix"><rowmaker idmaps="*"/></make>
  </data>
</resource>
